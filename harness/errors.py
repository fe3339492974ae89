"""Errors, told apart by whose fault they are.

A firmware failure is not an error: it is a `Verdict`. What is raised here is bad input (`InputError`) or a harness or engine
that could not do its work (`EngineError`). Misuse of the library is a plain `RuntimeError` or `ValueError`.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from functools import partial


class ExitCode(IntEnum):
    """Exit codes of the `harness` command."""

    HOLDS = 0
    VIOLATION = 1
    BAD_INPUT = 2
    HARNESS_FAILED = 3
    UNFINISHED = 4
    """No violation found, but the budget ended before everything was looked at."""
    INTERRUPTED = 130
    BROKEN_PIPE = 141
    """The reader of standard output went away, as for any tool that SIGPIPE ends."""


class HarnessError(Exception):
    """Base of all errors that the command reports without a traceback."""

    exit_code: ExitCode = ExitCode.HARNESS_FAILED
    ROBOT_SUPPRESS_NAME = True
    """Robot Framework: show the message alone; it needs no class name in front."""


class InputError(HarnessError):
    """The user's input cannot be used.

    Args:
        problem: what is wrong, one sentence without a full stop.
        source: the file, argument or environment variable at fault.
        field: the key inside the source, dotted, if there is one.
        remedy: what to do instead, one sentence.
    """

    exit_code = ExitCode.BAD_INPUT

    def __init__(self, problem: str, *, source: str, field: str | None = None, remedy: str) -> None:
        self.problem = problem
        self.source = source
        self.field = field
        self.remedy = remedy
        where = source if field is None else f"{source}: {field}"
        super().__init__(f"{where}: {problem}. {remedy}")

    def __reduce__(self) -> tuple[Callable[[], InputError], tuple[()]]:
        """Pickle with the keyword arguments, so that it comes back whole from a worker process."""
        return partial(InputError, self.problem, source=self.source, field=self.field, remedy=self.remedy), ()


class EngineError(HarnessError):
    """The engine or the harness itself failed; says nothing about the firmware."""
