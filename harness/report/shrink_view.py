"""How a violation was shrunk, for people and as plain data."""

from __future__ import annotations

import shlex

from rich.console import Console
from rich.text import Text

from harness.campaign.shrink import ShrinkStep
from harness.campaign.shrink_run import ShrunkRun
from harness.fault.faults import Faults, spell_faults
from harness.oracle.verdict import replay_id_of
from harness.scenario.prepared import PreparedScenario


def shrink_record(scenario: PreparedScenario, shrunk: ShrunkRun, seed: int, engine: str) -> dict[str, object]:
    """Return what came of shrinking as plain data.

    Returns:
        `rule` that is kept, null where none is broken; `cuts` and `replay_id` of the sequence, `cuts_before` of the one that it came from,
        `message` of the violation; `steps`, each with `tries` and the `faults` afterwards; `tries` in all; `complete`, false where as many
        runs were made as were allowed.
    """
    result = shrunk.result
    verdict = result.verdict if result else shrunk.before
    faults = _faults_of(shrunk)
    return {
        "rule": shrunk.rule,
        "message": next((violation.message for violation in verdict.violations if violation.rule == shrunk.rule), None),
        "case": verdict.case,
        "cuts_before": len(shrunk.before.proof.faults) if shrunk.before.proof else 0,
        "cuts": len(faults),
        "faults": spell_faults(faults),
        "replay_id": replay_id_of(scenario, verdict, seed, engine),
        "steps": [{"step": step.name, "tries": step.tries, "faults": spell_faults(step.best)} for step in (result.steps if result else ())],
        "tries": result.tries if result else 0,
        "complete": result.complete if result else True,
    }


def step_text(step: ShrinkStep) -> str:
    """Return a step as one line."""
    return f"{step.name + ':':<32} {step.tries:>6,} tried; {count_text(step.best)}: {spell_faults(step.best) or 'clean'}"


def count_text(faults: Faults) -> str:
    """Return how many cuts a sequence has."""
    return "no cut" if not faults else "1 cut" if len(faults) == 1 else f"{len(faults)} cuts"


def print_shrunk(console: Console, scenario: PreparedScenario, shrunk: ShrunkRun, seed: int, engine: str) -> None:
    """Print each step, the violation, and the id that replays it."""
    result = shrunk.result
    if result is None:
        console.print("[green]no violation[/green]: the run breaks no rule, so there is nothing to shrink")
        return
    for step in result.steps:
        console.print(Text(step_text(step)))
    message = next(violation.message for violation in result.verdict.violations if violation.rule == shrunk.rule)
    console.print(Text.assemble((shrunk.rule or "", "red"), f" ({result.verdict.case}), {count_text(result.faults)}: {message}"))
    if not result.complete:
        console.print(f"[yellow]not complete[/yellow]: {result.tries} runs were made, as many as were allowed; a shorter or earlier sequence may exist")
    console.print(Text(f"harness replay {shlex.quote(replay_id_of(scenario, result.verdict, seed, engine))}"))


def _faults_of(shrunk: ShrunkRun) -> Faults:
    if shrunk.result:
        return shrunk.result.faults
    return shrunk.before.proof.faults if shrunk.before.proof else ()
