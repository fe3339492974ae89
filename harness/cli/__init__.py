"""The `harness` command: errors become one clear line and an exit code, never a traceback."""

from __future__ import annotations

import errno
import os
import signal
import sys
import traceback

import click

from harness import __version__
from harness.cli.lazy import LazyCommand, LazyGroup
from harness.errors import ExitCode, HarnessError

_EPILOG = """
\b
Examples:
  harness sweep stm32f103/speck-full           cut power at every flash operation of an update
  harness run stm32f103/speck-full             one uninterrupted run, with the UART log
  harness selftest                             show that seeded bugs are found

Exit codes: 0 holds, 1 violation found, 2 bad input, 3 harness or engine failed,
4 nothing found but the budget ended first, 130 interrupted, 141 the reader of the output went away.
"""


_COMMANDS = {
    "agree": LazyCommand("harness.cli.agree:agree_command", "Make the same cuts of SCENARIO on several engines, and compare."),
    "build": LazyCommand("harness.cli.build:build_command", "Compile and sign what SCENARIO runs, and lay out its flash."),
    "certificate": LazyCommand("harness.cli.certificate:certificate_group", "Verify what `harness sweep --certificate` wrote."),
    "conformance": LazyCommand("harness.cli.conformance:conformance_command", "Hold an engine's flash controller against DEVICE's rules."),
    "devices": LazyCommand("harness.cli.listing:devices_command", "List the devices and their parts."),
    "doctor": LazyCommand("harness.cli.doctor:doctor_command", "Tell which engines can run firmware here."),
    "figures": LazyCommand("harness.cli.figures:figures_command", "Measure documented figures, and say which hold."),
    "flash": LazyCommand("harness.cli.flash:flash_group", "Wear and contents of the flash."),
    "hostile": LazyCommand("harness.cli.hostile:hostile_command", "Stage forged and malformed images on SCENARIO's device."),
    "image": LazyCommand("harness.cli.image:image_group", "Make keys; sign, verify and show .spk images."),
    "merge": LazyCommand("harness.cli.sweep:merge_command", "Report the whole campaign whose parts were swept."),
    "replay": LazyCommand("harness.cli.replay:replay_command", "Rebuild the run that ID names, exactly, and show it."),
    "run": LazyCommand("harness.cli.run:run_command", "Run every case of SCENARIO uninterrupted, and judge it."),
    "scenarios": LazyCommand("harness.cli.listing:scenarios_command", "List the bundled scenarios and their cases."),
    "selftest": LazyCommand("harness.cli.selftest:selftest_command", "Sweep every seeded bug: each must be found."),
    "shrink": LazyCommand("harness.cli.shrink:shrink_command", "Reduce the violation that ID replays to the fewest cuts."),
    "speck": LazyCommand("harness.cli.speck:speck_group", "Sign, patch and install .spk packages; no emulator runs."),
    "sweep": LazyCommand("harness.cli.sweep:sweep_command", "Cut power at every flash operation of SCENARIO, and judge."),
}


@click.group(cls=LazyGroup, lazy=_COMMANDS, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(__version__, prog_name="harness")
def harness() -> None:
    """Cut power inside the flash operations of real bootloader firmware, and see whether it recovers."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command and exit.

    Args:
        arguments: without the program's name; None takes the process's own.
    """
    code = run_cli(arguments)
    if code == ExitCode.INTERRUPTED:
        # A third Ctrl-C while the interpreter ends must not take the exit code's place.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(code)


def run_cli(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    try:
        result = harness.main(args=arguments, prog_name="harness", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Abort:
        return _fail("interrupted", ExitCode.INTERRUPTED)
    except KeyboardInterrupt:
        return _fail("interrupted", ExitCode.INTERRUPTED)
    except click.ClickException as error:
        error.show()
        return ExitCode.BAD_INPUT
    except HarnessError as error:
        return _fail(str(error), error.exit_code)
    except BrokenPipeError:
        # The reader of our output went away (`harness ... | head`); nobody is left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.BROKEN_PIPE
    except OSError as error:
        if error.filename is None and error.errno in (errno.ENOSPC, errno.EIO, errno.EBADF):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return _fail(f"cannot write to standard output: {error.strerror}", ExitCode.BAD_INPUT)
        return _internal(error)
    except Exception as error:  # noqa: BLE001 -- the last door: whatever went wrong inside, the user sees one line
        return _internal(error)
    return int(result) if isinstance(result, int) else ExitCode.HOLDS


def _internal(error: Exception) -> int:
    if os.environ.get("BOOT_HARNESS_TRACEBACK"):
        traceback.print_exception(error)
    text = f"internal error: {type(error).__name__}: {error}. Set BOOT_HARNESS_TRACEBACK=1 to see where, and report it."
    return _fail(text, ExitCode.HARNESS_FAILED)


def _fail(message: str, code: ExitCode) -> int:
    click.echo(f"harness: {message}", err=True)
    return code
