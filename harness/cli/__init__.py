"""The `harness` command: errors become one clear line and an exit code, never a traceback."""

from __future__ import annotations

import errno
import os
import signal
import sys
import traceback

import click

from harness import __version__
from harness.cli.agree import agree_command
from harness.cli.build import build_command
from harness.cli.certificate import certificate_group
from harness.cli.conformance import conformance_command
from harness.cli.doctor import doctor_command
from harness.cli.figures import figures_command
from harness.cli.flash import flash_group
from harness.cli.hostile import hostile_command
from harness.cli.image import image_group
from harness.cli.listing import devices_command, scenarios_command
from harness.cli.replay import replay_command
from harness.cli.run import run_command
from harness.cli.selftest import selftest_command
from harness.cli.shrink import shrink_command
from harness.cli.speck import speck_group
from harness.cli.sweep import merge_command, sweep_command
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


@click.group(epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(__version__, prog_name="harness")
def harness() -> None:
    """Cut power inside the flash operations of real bootloader firmware, and see whether it recovers."""


for _command in (
    devices_command,
    scenarios_command,
    build_command,
    image_group,
    run_command,
    sweep_command,
    merge_command,
    certificate_group,
    replay_command,
    shrink_command,
    selftest_command,
    hostile_command,
    figures_command,
    flash_group,
    conformance_command,
    agree_command,
    doctor_command,
    speck_group,
):
    harness.add_command(_command)


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
