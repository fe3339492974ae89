"""What README.md and `--help` tell a user to type really works."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from harness.cli import harness, run_cli

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
COMMANDS = harness.list_commands(click.Context(harness))


def commands_in(text: str) -> list[list[str]]:
    """Return the `harness ...` command lines of a text, without its name."""
    return [shlex.split(line.strip())[1:] for line in text.splitlines() if line.strip().startswith("harness ")]


def command_at(words: list[str]) -> tuple[click.Command, list[str]]:
    """Return the command that words name, and what is left of them."""
    command: click.Command = harness
    while isinstance(command, click.Group) and words:
        found = command.get_command(click.Context(command), words[0])
        assert found is not None, f"there is no command {words[0]}"
        command, words = found, words[1:]
    return command, words


@pytest.mark.parametrize("words", commands_in("\n".join(re.findall(r"```console\n(.*?)```", README, re.DOTALL))), ids=" ".join)
def test_a_command_of_the_readme_parses(words: list[str]) -> None:
    """The command and each of its options exist."""
    command, rest = command_at(words)

    options = {name for parameter in command.params for name in parameter.opts}
    assert {word for word in rest if word.startswith("--")} <= options


@pytest.mark.parametrize("name", COMMANDS)
def test_the_readme_and_the_help_name_every_command(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each command is in README.md, and its --help ends with an example."""
    assert f"harness {name}" in README

    run_cli([name, "--help"])

    text = capsys.readouterr().out
    assert "Example" in text or "Commands:" in text


def test_the_readme_names_the_two_commands_and_they_exist() -> None:
    """`make demo` and `make test` are the front door."""
    makefile = (ROOT / "Makefile").read_text()

    for target in ("demo", "test"):
        assert f"make {target}\n" in README
        assert re.search(rf"^{target}:.*## ", makefile, re.MULTILINE)


def test_ci_runs_the_test_command_of_the_readme() -> None:
    """`.ci/run` ends in exactly what README.md tells a user to run."""
    assert (ROOT / ".ci/run").read_text().rstrip().endswith("exec make test")
