"""The rules of the flash controllers: one source of the rows, shown by a program that could run on a real board."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from harness.build.conformance import conformance_names, load_conformance
from harness.campaign.conformance import Outcome, Row, build_program, compare_lines, compare_misuse, run_conformance
from harness.campaign.misuse import MisuseCount
from harness.cli import run_cli
from harness.device import load_device
from harness.device.rules import Rules, load_rules, rules_names
from harness.errors import EngineError, InputError
from harness.machine.protocol import Misuse, MisuseKind, Operation, OperationKind
from harness.report.rules_table import rules_table
from tests.oracle.runs import make_trace

ROOT = Path(__file__).parents[2]
SPEC = (ROOT / "docs" / "SPEC.md").read_text(encoding="utf-8")
LINE = re.compile(r'^    \{"([A-Z][0-9]{2})", "(\S+)",', re.MULTILINE)


def make_rules(*expected: tuple[str, str]) -> Rules:
    """Return a small table: ids and what each rule expects."""
    rules = [{"id": name, "rule": "r", "mistake": "m", "source": "s", "expected": word, "test": "tests/x.py: t"} for name, word in expected]
    return Rules.model_validate({"controller": "some controller", "rule": rules})


def table_in_spec(text: str, controller: str) -> str:
    """Return the table below the heading of a controller's rules."""
    section = text.split(f"## Rules of the {controller}\n")[1].split("\n## ")[0]
    return "".join(f"{line}\n" for line in section.splitlines() if line.startswith("|"))


@pytest.mark.parametrize("device", rules_names())
def test_the_specification_shows_the_rules(device: str) -> None:
    """The table of docs/SPEC.md is the one that `harness conformance DEVICE --table` prints."""
    rules = load_rules(device)
    assert table_in_spec(SPEC, rules.controller) == rules_table(rules)


def test_a_changed_table_is_noticed() -> None:
    """A cell that differs from its source makes the tables differ."""
    rules = load_rules("stm32f103")
    changed = SPEC.replace("0x0000 may be programmed over anything.", "0x0000 may be programmed over 0xFFFF.")
    assert changed != SPEC
    assert table_in_spec(changed, rules.controller) != rules_table(rules)


@pytest.mark.parametrize("device", rules_names())
def test_every_rule_names_a_test_that_exists(device: str) -> None:
    """The file exists, and the sentence stands in it."""
    for rule in load_rules(device).rule:
        file, sentence = rule.test.split(": ", 1)
        assert sentence in (ROOT / file).read_text(encoding="utf-8"), rule.id


@pytest.mark.parametrize("device", conformance_names())
def test_every_rule_is_a_step_of_the_program(device: str) -> None:
    """The program's steps are the rules of the table, in its order, expecting the same."""
    steps = LINE.findall((ROOT / "firmware" / "conformance" / device / "rules.c").read_text(encoding="utf-8"))
    assert steps == [(rule.id, rule.expected) for rule in load_rules(device).rule]


@pytest.mark.parametrize(("device", "part"), [(device, part) for device in conformance_names() for part in load_conformance(device).layout])
def test_the_embedded_engine_shows_every_rule(device: str, part: str) -> None:
    """No rule differs and none is left out, on each part."""
    result = run_conformance(device, part, "embedded")
    assert {row.rule.id: (row.outcome, row.seen) for row in result.rows if row.outcome is not Outcome.SHOWN} == {}
    assert sum(bool(row.misuse) for row in result.rows) == sum(bool(row.rule.misuse) for row in result.rows) >= 8


@pytest.mark.engine("qemu")
def test_qemu_differs_where_the_rules_say_so() -> None:
    """Each known difference is seen, with the value that the table gives, and there is no other; every one has its cause."""
    rows = run_conformance("nrf51822", None, "qemu").rows
    known = {row.rule.id: row.rule.known_differences["qemu"].seen for row in rows if "qemu" in row.rule.known_differences}
    assert {row.rule.id: row.seen for row in rows if row.outcome is not Outcome.SHOWN} == known
    assert len(known) == 4


@pytest.mark.parametrize("device", rules_names())
def test_every_misuse_of_a_rule_is_one_that_an_engine_can_record(device: str) -> None:
    """The names in the table are those of `MisuseKind`."""
    named = {kind for rule in load_rules(device).rule for kind in rule.misuse}
    assert named <= {kind.name.lower() for kind in MisuseKind}
    assert len(named) >= 4


def test_a_misuse_that_is_not_recorded_differs() -> None:
    """A rule that names a misuse differs where the engine records none or another one; so does a misuse that no rule names."""
    rules = make_rules(("N05", "anded"), ("N06", "fault"))
    third, store = rules.rule
    rows = (Row(third.model_copy(update={"misuse": ("too_many_writes",)}), Outcome.SHOWN, "anded"), Row(store, Outcome.SHOWN, "fault"))
    assert [row.outcome for row in compare_misuse(rows, {"N05": {MisuseKind.TOO_MANY_WRITES}})] == [Outcome.SHOWN, Outcome.SHOWN]
    assert [row.outcome for row in compare_misuse(rows, {"N06": {MisuseKind.LOCKED}})] == [Outcome.DIFFERS, Outcome.DIFFERS]
    assert compare_misuse(rows, {"N05": {MisuseKind.LOCKED}})[0].misuse == ("locked",)


def test_a_misuse_belongs_to_the_step_between_its_marks() -> None:
    """Also where a fault ended the step's boot; what falls between two steps belongs to none."""
    count = MisuseCount(("F01", "F02"), 0x1000, 2)
    marks = [Operation(0, OperationKind.PROGRAM, 0x1000 + 2 * mark, b"", b"", 0, 0, 0, 0) for mark in range(4)]
    count.add(
        make_trace(
            operations=marks[:3],
            misuses=tuple(Misuse(kind, 0, 0, at) for kind, at in zip((MisuseKind(0), MisuseKind(1), MisuseKind(2), MisuseKind(3)), range(4), strict=True)),
        )
    )
    count.add(make_trace(operations=marks[3:], misuses=(Misuse(MisuseKind.LOCKED, 0, 0, 0), Misuse(MisuseKind.CLOCK_OFF, 0, 0, 1))))
    assert count.recorded == {"F01": {MisuseKind(1)}, "F02": {MisuseKind(3), MisuseKind.LOCKED}}


TEXTS: dict[str, tuple[str, list[tuple[Outcome, str]]]] = {
    "what is expected is shown": ("F01 expected=a seen=a ok\nF02 expected=b seen=b ok\n", [(Outcome.SHOWN, "a"), (Outcome.SHOWN, "b")]),
    "anything else differs": ("F01 expected=a seen=x DIFFERS\nF02 expected=b seen=b ok\n", [(Outcome.DIFFERS, "x"), (Outcome.SHOWN, "b")]),
    "a program that says ok over another value does not hide it": ("F01 expected=a seen=x ok\n", [(Outcome.DIFFERS, "x"), (Outcome.NOT_SHOWN, "")]),
    "a missing line is not shown": ("F02 expected=b seen=b ok\n", [(Outcome.NOT_SHOWN, ""), (Outcome.SHOWN, "b")]),
    "a board that cannot show a rule says so": ("F01 expected=a seen=- not shown\n", [(Outcome.NOT_SHOWN, ""), (Outcome.NOT_SHOWN, "")]),
    "half a line counts for nothing": ("F01 expected=a seen", [(Outcome.NOT_SHOWN, ""), (Outcome.NOT_SHOWN, "")]),
    "the first line of a rule counts": ("F01 expected=a seen=a ok\nF01 expected=a seen=fault DIFFERS\n", [(Outcome.SHOWN, "a"), (Outcome.NOT_SHOWN, "")]),
}


@pytest.mark.parametrize("sentence", TEXTS)
def test_lines(sentence: str) -> None:
    """The lines of a program are judged as the sentence says."""
    text, outcomes = TEXTS[sentence]
    rows = compare_lines(make_rules(("F01", "a"), ("F02", "b")), text)
    assert [(row.outcome, row.seen) for row in rows] == outcomes


def test_a_program_that_does_not_belong_to_the_table() -> None:
    """A line of an unknown rule, or one that expects something else, is an error of the harness, not a finding."""
    rules = make_rules(("F01", "a"))
    with pytest.raises(EngineError, match="F02, which the table of rules lacks"):
        compare_lines(rules, "F02 expected=b seen=b ok\n")
    with pytest.raises(EngineError, match="expects 'b', the table of rules 'a'"):
        compare_lines(rules, "F01 expected=b seen=b ok\n")


def test_the_command_prints_counts(capsys: pytest.CaptureFixture[str]) -> None:
    """`--json` has rules, shown and differ, and a row a rule."""
    assert run_cli(["conformance", "stm32f103", "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["rules"] == summary["shown"] == len(summary["rows"]) >= 40
    assert (summary["differ"], summary["not_shown"], summary["engine"], summary["part"]) == (0, 0, "embedded", "c8")


def test_the_command_prints_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    """Without `--json`, one line a rule and the counts; `--table` runs nothing."""
    assert run_cli(["conformance", "stm32f103", "--part", "cb"]) == 0
    assert re.search(r"stm32f103 cb on the embedded engine: (\d+) rules, \1 shown, 0 differ, 0 not shown", capsys.readouterr().out)
    assert run_cli(["conformance", "stm32f103", "--table"]) == 0
    assert capsys.readouterr().out == rules_table(load_rules("stm32f103"))


def test_a_board_is_compared_by_what_it_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A capture with other line ends, and with noise from before the start, is judged line by line."""
    lines = [f"{rule.id} expected={rule.expected} seen={rule.expected} ok" for rule in load_rules("stm32f103").rule]
    log = tmp_path / "board.log"
    log.write_bytes(b"\xff\x00\r\n" + "\r\n".join(lines).encode() + b"\r\n")
    assert run_cli(["conformance", "stm32f103", "--log", str(log)]) == 0
    assert "on a board: 46 rules, 46 shown, 0 differ, 0 not shown" in capsys.readouterr().out
    log.write_bytes("\n".join([*lines[:21], lines[21].replace("seen=unchanged", "seen=0x1234"), ""]).encode())
    assert run_cli(["conformance", "stm32f103", "--log", str(log)]) == 1
    assert "46 rules, 21 shown, 1 differ, 24 not shown" in capsys.readouterr().out
    assert run_cli(["conformance", "stm32f103", "--log", str(tmp_path / "none")]) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_the_program_for_a_board_is_the_one_that_the_engine_ran(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--output` writes its bytes, and says where they go."""
    path = tmp_path / "program.bin"
    assert run_cli(["conformance", "stm32f103", "--output", str(path)]) == 0
    assert path.read_bytes() == build_program("stm32f103", "c8")[1].binary
    assert "0x08000000" in capsys.readouterr().out


def test_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    """A device without rules, and a part that it does not have, name what there is."""
    assert run_cli(["conformance", "stm32f999"]) == 2
    assert "stm32f103" in capsys.readouterr().err
    assert run_cli(["conformance", "stm32f103", "--part", "c6"]) == 2
    assert "c8, cb" in capsys.readouterr().err
    with pytest.raises(InputError, match="no conformance program"):
        load_conformance("stm32f999")
    assert load_device("stm32f103").name in conformance_names()
