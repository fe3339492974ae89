"""The certificate of a debugger scenario: what any number of cuts makes of each of its actions."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from harness import __version__
from harness.campaign.certified import Model, Sealed, Strict, build_of, check_build
from harness.campaign.check import Check
from harness.campaign.debug_search import ActionSearch, DebuggerSearch, search_debugger_scenario
from harness.scenario.debugger import load_debugger_scenario
from harness.scenario.prepared import BEHAVIOUR_VERSION, PreparedScenario

_INVARIANTS = ("levels", "exposure", "flash")


class DebuggerModel(Model):
    """What such a search rests on; of the cells that decide on the protection every subset is torn, so `tears` names none.

    Attributes:
        debugger: the scenario with the actions. depth: most cuts in a row; None: any number. by_bytes: see `search_debugger_scenario`.
    """

    debugger: str
    depth: int | None
    by_bytes: bool


class ActionRow(Strict):
    """One action; see `ActionSearch`."""

    number: int
    states: int
    cuts: int
    deepest: int
    exposing: int
    ends: int
    erased: int
    digest: str
    open_states: int
    problems: tuple[str, ...]

    @classmethod
    def of(cls, found: ActionSearch) -> ActionRow:
        """Return what a certificate says of a search."""
        return cls(**{name: getattr(found, name) for name in cls.model_fields})


class DebuggerCertificate(Sealed):
    """A certificate of a debugger scenario: `finished` says that no state was left untried within the depth."""

    certificate: Literal["boot-harness debugger"] = "boot-harness debugger"
    version: Literal[1] = 1
    model: DebuggerModel
    actions: Annotated[list[ActionRow], Field(min_length=1)]


def certificate_of_debugger(
    reference: str, case: str, scenario: PreparedScenario, result: DebuggerSearch, *, seed: int, engine: str, depth: int | None, by_bytes: bool
) -> DebuggerCertificate:
    """Return the certificate of a search.

    Args:
        reference: of the debugger scenario. case: the firmware's. scenario: the firmware's.
    """
    return DebuggerCertificate(
        finished=result.finished,
        holds=result.finished and result.holds,
        build=build_of(scenario),
        seconds=round(result.seconds, 3),
        model=DebuggerModel(
            engine=engine,
            harness=__version__,
            behaviour=BEHAVIOUR_VERSION,
            seed=seed,
            case=case,
            tears=(),
            fractions=0,
            invariants=_INVARIANTS,
            debugger=reference,
            depth=depth,
            by_bytes=by_bytes,
        ),
        actions=[ActionRow.of(found) for found in result.searches],
    ).sealed()


def verify_debugger_certificate(certificate: DebuggerCertificate, scenario: PreparedScenario, sample: int, seed: int) -> Iterator[Check]:
    """Search some actions of a certificate again, as far as it went: the same states, cuts and problems must come of it.

    Args:
        sample: how many actions. seed: draws them.

    Raises:
        InputError: the certificate is of another build, or its scenario is not here.
    """
    model = certificate.model
    check_build(certificate.build, model, scenario)
    rows = {row.number: row for row in certificate.actions}
    chosen = set(random.Random(seed).sample(sorted(rows), min(sample, len(rows))))
    debugger = load_debugger_scenario(model.debugger)
    found = search_debugger_scenario(debugger, scenario, model.seed, model.engine, depth=model.depth, by_bytes=model.by_bytes, only=chosen).searches
    for search in found:
        unfinished = rows[search.number].open_states > 0
        same = unfinished or ActionRow.of(search) == rows[search.number]
        yield Check(model.case or "", f"action {search.number}", "", "" if same else "other states, cuts or problems come of it")
