"""A group whose commands are imported when they are run: what `--help` lists, and a command typed wrongly, wait for none of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module

import click


@dataclass(frozen=True, slots=True)
class LazyCommand:
    """Where a command is, and what its group's help says of it.

    Attributes:
        place: module and name of the command in it, as in `harness.cli.run:run_command`.
        help: one sentence.
    """

    place: str
    help: str

    def load(self) -> click.Command:
        """Import the command."""
        module, name = self.place.split(":")
        command: click.Command = getattr(import_module(module), name)
        return command


class LazyGroup(click.Group):
    """A group that imports one command at a time."""

    def __init__(self, *arguments: object, lazy: Mapping[str, LazyCommand], **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type] # whatever click's own group takes
        self._lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- as click calls it
        """Return the names of all commands."""
        return sorted(self._lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 -- as click calls it
        """Return a command, imported now; None if there is none of that name."""
        return self._lazy[cmd_name].load() if cmd_name in self._lazy else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the table alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self._lazy[name].help) for name in self.list_commands(ctx)])
