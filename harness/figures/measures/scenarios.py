"""Claims that the bundled scenario settles with the good bootloader."""

from __future__ import annotations

from harness.figures.bench import Bench
from harness.figures.registry import measure
from harness.oracle.run import Outcome, outcome_of


@measure
def case_outcome(bench: Bench, case: str) -> str:
    """Return which version runs after a case's clean run."""
    return {Outcome.OLD_VERSION: "old version", Outcome.NEW_VERSION: "new version"}.get(outcome_of(bench.clean_runs[case]), "neither")


@measure
def application_operations(bench: Bench, case: str) -> int:
    """Return how many flash operations a clean run makes in the application region."""
    region = bench.scenario.regions["application"]
    return sum(trace.operations[index].address in region.addresses for trace in bench.clean_runs[case].traces for index in range(len(trace.operations)))
