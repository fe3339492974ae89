"""The `harness` command imports what it runs, and no more."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from harness.cli import harness

_LOADED = """
import sys
from harness.cli import run_cli
code = run_cli({arguments!r})
print(sorted(name for name in sys.modules if name.startswith("harness.") and not name.startswith(("harness.cli", "harness.errors"))))
sys.exit(code)
"""


@pytest.mark.parametrize(("arguments", "code"), [(["--help"], 0), (["swep"], 2)], ids=["help", "a word that is no command"])
def test_what_runs_no_command_imports_none(arguments: list[str], code: int) -> None:
    """The list of commands and a command typed wrongly come without the rest of the harness."""
    done = subprocess.run([sys.executable, "-c", _LOADED.format(arguments=arguments)], capture_output=True, text=True, check=False)

    assert done.returncode == code, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", harness.list_commands(click.Context(harness)))
def test_every_command_of_the_table_is_where_it_says(name: str) -> None:
    """Each place holds the command of that name, with a help of its own."""
    command = harness.get_command(click.Context(harness), name)

    assert command is not None
    assert command.name == name
    assert command.help
