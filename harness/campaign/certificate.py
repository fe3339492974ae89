"""Certificates: what a search proved, what it rests on, and enough of its states to try it again."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from harness import __version__
from harness.campaign.certified import Model, Sealed, Strict, build_of, check_build
from harness.campaign.check import Check
from harness.campaign.debug_certificate import DebuggerCertificate
from harness.campaign.search.expand import Expander, SearchSettings, Task
from harness.campaign.search.figures import SearchFigures
from harness.campaign.search.outcome import SearchResult
from harness.campaign.search.state import KEY_BYTES, Merging, State, label_of, start_of
from harness.campaign.sweep_certificate import SweepCertificate
from harness.errors import InputError
from harness.fault.plan import TearChoice
from harness.fault.replay_id import fault_of
from harness.oracle.rules import RULES
from harness.scenario.prepared import BEHAVIOUR_VERSION, PreparedScenario

_REMEDY = "Give a file that `harness sweep --certificate` wrote."
_STORE = b"SQLite format 3\0"
"""What a file of `--store` begins with."""


class SearchModel(Model):
    """What a search rests on.

    Attributes:
        depth: most cuts in a row; None: any number.
        merging: which states were taken for one; enough, closed_pages: see `SearchResult`.
    """

    depth: int | None
    merging: Merging
    enough: tuple[int, ...]
    closed_pages: tuple[int, ...]


class Counts(Strict):
    """What was done.

    Attributes:
        states: booted for their own sake; compared: booted to see whether they behave like those that they were taken for; told_apart: did not.
        faults_planned: cuts of all runs of these states. faults_run: those whose state was booted itself; pruned: the others, whose
            state was taken for one that was. faults_fired: those run that left what they were to leave.
        open_states: reached and not booted.
    """

    states: int
    compared: int
    told_apart: int
    joined: int
    followed: int
    edges: int
    boots: int
    faults_planned: int
    faults_run: int
    faults_fired: int
    pruned: int
    deepest: int
    open_states: int
    violations: int


class StateRow(Strict):
    """One state: the case, the state before and the cut (made so often in a row) that lead to it, what tells its kind, and what its boots did."""

    case: int
    parent: int | None
    fault: str
    repeats: int
    enough: tuple[int, ...]
    label: str
    behaviour: str


class Certificate(Sealed):
    """A certificate of a search: `finished` says that nothing was left open within the depth."""

    certificate: Literal["boot-harness search"] = "boot-harness search"
    version: Literal[3] = 3
    model: SearchModel
    counts: Counts
    wasted_power_on_ms: float | None
    risk: list[dict[str, str | float]]
    states: Annotated[list[StateRow], Field(min_length=1)]


def certificate_of(result: SearchResult, figures: SearchFigures) -> Certificate:
    """Return the certificate of a search."""
    scenario, settings = result.scenario, result.options.settings
    booted = list(result.store.booted())
    place = {state.number: index for index, state in enumerate(booted)}
    followed = sum(state.parent is not None for state in booted)
    return Certificate(
        finished=result.finished,
        holds=result.finished and not result.violations,
        build=build_of(scenario),
        model=SearchModel(
            engine=settings.engine,
            harness=__version__,
            behaviour=BEHAVIOUR_VERSION,
            seed=settings.seed,
            case=result.options.only_case,
            tears=settings.tears.named,
            fractions=settings.tears.fractions,
            depth=result.options.depth,
            merging=settings.merging,
            enough=result.enough,
            closed_pages=tuple(sorted(result.closed_pages)),
            invariants=tuple(RULES),
        ),
        counts=Counts(
            states=result.states,
            compared=result.compared,
            told_apart=result.told_apart,
            joined=result.joined,
            followed=result.followed,
            edges=sum(1 for _ in result.store.edges()),
            boots=result.boots,
            faults_planned=result.faults,
            faults_run=followed,
            faults_fired=followed,
            pruned=result.faults - followed,
            deepest=result.deepest,
            open_states=result.open_states,
            violations=result.violating,
        ),
        wasted_power_on_ms=None if figures.wasted_ps is None else figures.wasted_ps / 1e9,
        risk=[
            {
                "case": risk.case,
                "harmful_share": risk.harmful_share,
                "losses_per_hour": risk.losses_per_hour,
                "bricked_per_million_updates": risk.bricked_per_million,
                "harmed_per_million_updates": risk.harmed_per_million,
            }
            for risk in figures.risks
        ],
        seconds=round(result.seconds, 3),
        states=[
            StateRow(
                case=state.root,
                parent=None if state.parent is None else place[state.parent],
                fault=state.fault,
                repeats=state.repeats,
                enough=result.enough_by_kind.get(state.label[:KEY_BYTES], result.enough),
                label=state.label.hex(),
                behaviour=state.behaviour.hex(),
            )
            for state in booted
        ],
    ).sealed()


def contradictions(certificate: Certificate) -> Iterator[str]:
    """Yield what the numbers of a certificate say of each other, and of its list of states, that cannot be: all that shows without a boot."""
    counts, rows = certificate.counts, certificate.states
    followed = sum(row.parent is not None for row in rows)
    wanted = {
        "holds": (certificate.holds and not (certificate.finished and counts.violations == 0), "it holds, and is not finished or has violations"),
        "finished": (certificate.finished and counts.open_states > 0, "it is finished, and left states open"),
        "states": (
            certificate.finished and counts.states + counts.compared != len(rows),
            f"it lists {len(rows)} states, and says {counts.states} and {counts.compared}",
        ),
        "run": (counts.faults_run != followed, f"{followed} of the listed states come of a cut, and it says {counts.faults_run}"),
        "fired": (counts.faults_fired != counts.faults_run, "not every fault that was run fired"),
        "planned": (counts.faults_planned != counts.faults_run + counts.pruned, "faults run and pruned are not all that were planned"),
    }
    yield from (words for wrong, words in wanted.values() if wrong)
    behaviours: dict[str, str] = {}
    drawn = TearChoice(certificate.model.tears, certificate.model.fractions).disturbs  # each boot draws what such cells read
    if certificate.holds and not drawn and any(behaviours.setdefault(row.label, row.behaviour) != row.behaviour for row in rows):
        yield "states that are taken for one behave differently"


AnyCertificate = Certificate | SweepCertificate | DebuggerCertificate
_ANY: TypeAdapter[AnyCertificate] = TypeAdapter(Annotated[AnyCertificate, Field(discriminator="certificate")])


def read_certificate(path: Path) -> AnyCertificate:
    """Read a certificate of any kind back.

    Raises:
        InputError: the file cannot be read, or is none.
    """
    try:
        content = path.read_bytes()
        if content.startswith(_STORE):
            remedy = f"Write its certificate: harness sweep --resume {path} --certificate FILE"
            raise InputError("is a store, and no certificate", source=str(path), remedy=remedy)
        return _ANY.validate_json(content)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", source=str(path), remedy=_REMEDY) from None
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])) or None
        raise InputError(f"is not a certificate: {first['msg']}", source=str(path), field=field, remedy=_REMEDY) from None


@dataclass(frozen=True, slots=True)
class _Known:
    """What a certificate says of kinds of states: how those with a label behave; and by key, from how many free places on they have room."""

    behaviours: dict[str, str]
    enough: dict[str, tuple[int, ...]]


def verify_certificate(certificate: Certificate, scenario: PreparedScenario, sample: int, seed: int) -> Iterator[Check]:
    """Make states of a certificate again, each by its faults, boot it, and boot what one more cut leaves: a state that the certificate must know.

    Runs are followed to their ends, so such a cut may also be one that the search inferred where runs join; and the same cut several times in a row is
    made as often. First of all the numbers of the certificate must agree with each other.

    Args:
        sample: how many states. seed: draws them, and the cuts.

    Raises:
        InputError: the certificate is of another build.
    """
    model = certificate.model
    check_build(certificate.build, model, scenario)
    yield from (Check("all cases", "", "", words) for words in contradictions(certificate))
    draw = random.Random(seed)
    tears = TearChoice(model.tears, model.fractions)
    expander = Expander(scenario, SearchSettings(model.seed, model.engine, tears, model.merging, frozenset(model.closed_pages), join=False))
    known = _Known({}, {})
    for row in certificate.states:
        known.behaviours.setdefault(row.label, row.behaviour)
        known.enough.setdefault(row.label[: 2 * KEY_BYTES], row.enough)
    try:
        for index in sorted(draw.sample(range(len(certificate.states)), min(sample, len(certificate.states)))):
            yield _check(certificate, scenario, expander, known, index, draw)
    finally:
        expander.close()


def _check(certificate: Certificate, scenario: PreparedScenario, expander: Expander, known: _Known, index: int, draw: random.Random) -> Check:
    row = certificate.states[index]
    path = _path_of(certificate, index)
    spelled = "/".join(path)
    case = scenario.cases[row.case].name
    state: State = start_of(scenario, row.case)
    for fault in path:
        found = expander.expand(Task(state, pick=fault_of(fault))).children
        if not found:
            return Check(case, spelled, "", f"the cut {fault} cannot be made")
        state = found[0].state
    expansion = expander.expand(Task(state))
    rules = sorted({violation.rule for violation in expansion.verdict.violations})
    if expansion.behaviour.hex() != row.behaviour:
        return Check(case, spelled, "", "the state behaves otherwise")
    if rules and not certificate.counts.violations:
        return Check(case, spelled, "", f"it breaks {', '.join(rules)}, and the certificate has no violation")
    if expansion.looked_at is not None and not rules:
        return Check(case, spelled, "", f"its boots look at page {expansion.looked_at}, which the certificate leaves open")
    if not expansion.faults:
        return Check(case, spelled, "", "")
    (child,) = expander.expand(Task(state, pick=draw.randrange(expansion.faults))).children
    enough = known.enough.get(child.key.hex(), certificate.model.enough)
    label = label_of(child.key, child.meaning.rooms, enough).hex()
    cut = str(child.fault)
    if label not in known.behaviours:
        left_out = certificate.model.depth is not None or not certificate.finished
        return Check(case, spelled, cut, "" if left_out else "it leads to a state that the certificate does not know")
    behaves = expander.expand(Task(child.state, cut=False)).behaviour.hex()
    return Check(case, spelled, cut, "" if behaves == known.behaviours[label] else "what it leaves behaves otherwise")


def _path_of(certificate: Certificate, index: int) -> list[str]:
    faults: list[str] = []
    at: int | None = index
    for _ in certificate.states:
        if at is None:
            break
        if not 0 <= at < len(certificate.states):
            raise InputError(f"state {at} does not exist", source="certificate", field="states.parent", remedy=_REMEDY)
        row = certificate.states[at]
        if row.parent is not None:
            faults += [row.fault] * row.repeats
        at = row.parent
    if at is not None:
        raise InputError("the parents of its states form a circle", source="certificate", field="states.parent", remedy=_REMEDY)
    return faults[::-1]
