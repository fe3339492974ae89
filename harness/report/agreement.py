"""What a comparison of engines found: for people, and as one object."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape

from harness.campaign.agreement import Agreement
from harness.campaign.comparison import Difference
from harness.machine.engines import shown_by
from harness.oracle.rules import rules_not_shown

_MOST_SHOWN = 20


def agreement_summary(result: Agreement) -> dict[str, object]:
    """Return a comparison as plain data: `compared` cuts and a list of `differences`, with what they rest on."""
    return {
        "scenario": result.scenario.reference,
        "part": result.scenario.part,
        "fingerprint": result.scenario.fingerprint,
        "engines": list(result.options.engines),
        "seed": result.options.seed,
        "cases": result.cases,
        "cases_not_cut": result.not_cut,
        "conformance_rules": result.rules,
        "conformance_rules_left_out": result.rules_left_out,
        "conformance_known_differences": [{"rule": rule, "engine": engine, "cause": cause} for rule, engine, cause in result.rules_known],
        "planned": result.planned,
        "compared": result.compared,
        "differences": [_plain(difference) for difference in result.differences],
        "rules_not_shown": {engine: list(rules_not_shown(shown_by(engine))) for engine in result.options.engines},
        "seconds_per_cut": {engine: _rounded(result.seconds_per_cut(engine)) for engine in result.options.engines},
        "interrupted": result.interrupted,
    }


def print_agreement(console: Console, result: Agreement) -> None:
    """Print the differences, and what was compared."""
    for difference in result.differences[:_MOST_SHOWN]:
        console.print(f"[red]{difference.aspect.value}[/red] {escape(where_of(difference))}", highlight=False)
        for engine, value in zip(difference.engines, difference.values, strict=True):
            console.print(f"    {engine:<10} {escape(value)}", highlight=False)
    if len(result.differences) > _MOST_SHOWN:
        console.print(f"... and {len(result.differences) - _MOST_SHOWN} more; --json has them all", highlight=False)
    scenario, engines = result.scenario, ", ".join(result.options.engines)
    console.print(f"[bold]{scenario.reference} on {scenario.device.name} {scenario.part}: {engines}[/bold]", highlight=False)
    console.print(f"compared      {result.cases} clean runs, {result.compared} of {result.planned} cuts, each made live on every engine", highlight=False)
    if result.rules:
        left_out = f"; not shown by an engine: {', '.join(result.rules_left_out)}" if result.rules_left_out else ""
        console.print(f"conformance   {result.rules} rules of the flash controller{left_out}", highlight=False)
    for rule, engine, cause in result.rules_known:
        console.print(f"known         {rule} on {engine}: {escape(cause)}", highlight=False)
    if result.not_cut:
        console.print(f"not cut       {', '.join(result.not_cut)}: their clean runs differ", highlight=False)
    for engine in result.options.engines:
        seconds = result.seconds_per_cut(engine)
        unshown = rules_not_shown(shown_by(engine))
        remark = f"; can't show {', '.join(unshown)}" if unshown else ""
        console.print(f"{engine:<13} {'no cut' if seconds is None else f'{seconds * 1e3:,.0f} ms a cut'}{remark}", highlight=False)
    _print_conclusion(console, result)


def where_of(difference: Difference) -> str:
    """Return where a difference is, as `update, cut 12some, boot 0, operation 4, 0x00006c00`."""
    if difference.rule:
        return f"rule {difference.rule}"
    parts = [difference.case, f"cut {difference.fault}" if difference.fault else "clean run"]
    if difference.boot is not None:
        parts.append(f"boot {difference.boot}")
    if difference.operation is not None:
        parts.append(f"operation {difference.operation}")
    if difference.address is not None:
        parts.append(f"{difference.address:#010x}")
    return ", ".join(parts)


def _print_conclusion(console: Console, result: Agreement) -> None:
    if result.interrupted:
        console.print(f"[yellow]interrupted[/yellow]: {result.planned - result.compared} planned cuts were not compared; this proves nothing about them")
    if result.differences:
        console.print(f"[red]{len(result.differences)} differences[/red]", highlight=False)
    elif not result.interrupted:
        console.print("[green]no difference[/green]")


def _plain(difference: Difference) -> dict[str, object]:
    return {
        "case": difference.case,
        "fault": str(difference.fault) if difference.fault else None,
        "rule": difference.rule or None,
        "aspect": difference.aspect.value,
        "boot": difference.boot,
        "operation": difference.operation,
        "address": difference.address,
        "values": dict(zip(difference.engines, difference.values, strict=True)),
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 4)
