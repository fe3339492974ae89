"""Options that several commands share."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import click
from click.core import ParameterSource
from rich.console import Console
from rich.progress import Progress, ProgressColumn

from harness.build.toolchain import TOOLCHAINS
from harness.device import Timing
from harness.machine.engines import ENGINES
from harness.scenario.prepare import PrepareOptions, prepare
from harness.scenario.prepared import PreparedScenario

Command = Callable[..., Any]


def progress_console() -> Console:
    """Return the console for progress and remarks: standard error, so that standard output stays for results."""
    return Console(stderr=True)


def progress_bar(*columns: ProgressColumn) -> Progress:
    """Return a progress bar on standard error that leaves nothing behind, and that prints nothing where that is no terminal."""
    console = progress_console()
    return Progress(*columns, console=console, transient=True, disable=not console.is_interactive)


class ResultConsole(Console):
    """The console for results. A reader that goes away is left to the command's last door, not taken for a violation."""

    def on_broken_pipe(self) -> None:
        """Raise what happened, instead of ending the process with rich's own exit code."""
        raise BrokenPipeError


def result_console() -> Console:
    """Return the console for results: standard output, lines unbroken."""
    return ResultConsole(soft_wrap=True)


def scenario_options(command: Command) -> Command:
    """Add SCENARIO and what changes its build; the command receives `scenario: PreparedScenario`."""

    @click.argument("scenario")
    @build_options
    @timing_option
    @functools.wraps(command)
    def wrapper(scenario: str, build: PrepareOptions, timing: str, **rest: Any) -> Any:
        return command(scenario=prepare_with_progress(scenario, replace(build, timing=Timing(timing))), **rest)

    return wrapper


def timing_option(command: Command) -> Command:
    """Add `--timing`."""
    values = click.Choice([timing.value for timing in Timing])
    return click.option("--timing", type=values, default=Timing.TYPICAL.value, show_default=True, help="Which durations the flash takes.")(command)


def build_options(command: Command) -> Command:
    """Add the options that change a build; the command receives `build: PrepareOptions`."""

    @click.option("--app-kib", type=click.IntRange(min=1), default=4, show_default=True, help="Size of the application's code in KiB.")
    @click.option("--part", default=None, help="Member of the device family; by default the smallest that the application fits.")
    @click.option("--toolchain", type=click.Choice(TOOLCHAINS), default="zig", show_default=True, help="Cross-compiler.")
    @click.option("--bug", default=None, help="Build the bootloader with this seeded bug (see `harness selftest --list`).")
    @functools.wraps(command)
    def wrapper(app_kib: int, part: str | None, toolchain: str, bug: str | None, **rest: Any) -> Any:
        return command(build=PrepareOptions(app_kib, part, toolchain, bug), **rest)

    return wrapper


def engine_option(command: Command) -> Command:
    """Add `--engine`."""
    return click.option("--engine", type=click.Choice(ENGINES), default="embedded", show_default=True, help="What runs the firmware.")(command)


def engine_of_id_option(command: Command) -> Command:
    """Add `--engine` to a command that takes a replay id; None where the user names none, and the id's own is meant."""
    return click.option("--engine", type=click.Choice(ENGINES), default=None, help="What runs the firmware; by default what the id was made on.")(command)


def seed_option(command: Command) -> Command:
    """Add `--seed`."""
    return click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Feeds tears and RAM contents.")(command)


def jobs_option(command: Command) -> Command:
    """Add `--jobs`."""
    count = os.cpu_count() or 1
    return click.option("--jobs", type=click.IntRange(min=1), default=count, show_default="cores", help="Worker processes.")(command)


def options_given() -> frozenset[str]:
    """Return the names of the options that the user wrote on the command line under way."""
    context = click.get_current_context()
    return frozenset(name for name in context.params if context.get_parameter_source(name) is not ParameterSource.DEFAULT)


def prepare_with_progress(reference: str, options: PrepareOptions) -> PreparedScenario:
    """Build a scenario, saying so on standard error while it takes long."""
    with progress_console().status(f"building {reference} ..."):
        return prepare(reference, options)
