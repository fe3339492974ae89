"""The rules of a flash controller as the table of docs/SPEC.md."""

from __future__ import annotations

from harness.device.rules import Rule, Rules

_HEAD = ("id", "rule", "what firmware gets wrong", "source", "expected", "test")


def rules_table(rules: Rules) -> str:
    """Return the rules as a Markdown table, its last line feed included."""
    lines = [_line(_HEAD), _line(["---"] * len(_HEAD))]
    lines += [_line(_cells(rule)) for rule in rules.rule]
    return "".join(f"{line}\n" for line in lines)


def _cells(rule: Rule) -> list[str]:
    source = rule.source if rule.assumption is None else f"{rule.source}. *Assumed*: {rule.assumption}"
    file, sentence = rule.test.split(": ", 1)
    expected = f"`{rule.expected}`" + (f"; recorded: {', '.join(f'`{kind}`' for kind in rule.misuse)}" if rule.misuse else "")
    return [rule.id, rule.rule, rule.mistake, source, expected, f"`{file.removeprefix('tests/')}`: {sentence}"]


def _line(cells: list[str] | tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"
