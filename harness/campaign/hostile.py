"""A table of hostile images against the real bootloader: at rest, at every cut of their refusal, and around every cut of an update."""

from __future__ import annotations

import contextlib
import hashlib
import random
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from harness.campaign.hostile_store import HostileSettings, HostileStore
from harness.campaign.hostile_worker import Answer, Attack, AttackResult, HostileWorker, ImageVerdict, Manner, answer_of
from harness.campaign.workers import results_in_order
from harness.fault.faults import Fault, spell_faults
from harness.fault.plan import random_sample
from harness.image.hostile_header import HostileImage
from harness.machine.engines import shared_calls
from harness.oracle.run import Outcome
from harness.oracle.verdict import Verdict
from harness.scenario.hostile import HostileCases
from harness.scenario.prepared import PreparedScenario

if TYPE_CHECKING:
    from harness.machine.calls import SharedCalls

__all__ = ["Answer", "HostileOptions", "HostileResult", "Manner", "try_hostile_images"]

_BATCH = 16
TaskT = TypeVar("TaskT")
ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class HostileOptions:
    """How to try hostile images.

    Attributes:
        at_cuts: also cut the refusals, and let the images meet an update that is cut.
        sample: cuts of that update, drawn by the seed; None: every one. pairs: how many times its recovery is cut once more, drawn by the seed.
        every_image: let every image meet every cut; otherwise those cuts inside a page's content meet one image for each reason.
    """

    seed: int = 1
    jobs: int = 1
    engine: str = "embedded"
    at_cuts: bool = False
    sample: int | None = None
    pairs: int = 200
    every_image: bool = False

    def settings(self, scenario: PreparedScenario) -> HostileSettings:
        """Return what of these decides the answers, on a scenario."""
        return HostileSettings(
            scenario=scenario.reference,
            build=scenario.options,
            fingerprint=scenario.fingerprint,
            engine=self.engine,
            seed=self.seed,
            at_cuts=self.at_cuts,
            sample=self.sample,
            pairs=self.pairs,
            every_image=self.every_image,
        )


@dataclass(slots=True)
class HostileResult:
    """What came of a table of hostile images.

    Attributes:
        controls: a good image staged the same way, and one with bytes behind it: both must be installed, or the refusals say nothing.
        table: the images. rollback: the one that is the version before.
        attacks: what came of the images that met a cut update. cuts: how many sequences of cuts they met; planned: how many they were to meet;
            possible: single cuts that there are.
        interrupted: whether Ctrl-C ended it before all of that was done.
    """

    scenario: PreparedScenario
    options: HostileOptions
    table: tuple[HostileImage, ...]
    rollback: str
    images: list[ImageVerdict] = field(default_factory=list)
    controls: tuple[Verdict, ...] = ()
    attacks: AttackResult = field(default_factory=AttackResult)
    cuts: int = 0
    planned: int = 0
    possible: int = 0
    seconds: float = 0.0
    interrupted: bool = False

    def count(self, answer: Answer) -> int:
        """Return how many images were answered so at rest."""
        return sum(image.answer is answer for image in self.images)

    @property
    def stopped(self) -> tuple[str, ...]:
        """The images that were applied and never started, as nothing else can be done about them."""
        return tuple(image.name for image in self.images if image.answer is Answer.STOPPED)

    def count_own_cuts(self, answer: Answer) -> int:
        """Return how many cuts of a refusal were answered so."""
        return sum(answer_of(verdict) is answer for image in self.images for verdict in image.at_cuts)

    def count_attacks(self, answer: Answer, manner: Manner | None = None) -> int:
        """Return how many attacks around cuts of an update were answered so, in one manner or in both."""
        return sum(count for (how, what), count in self.attacks.answers.items() if what is answer and manner in (None, how))

    def count_at_cuts(self, answer: Answer) -> int:
        """Return how many runs with a cut were answered so."""
        return self.count_own_cuts(answer) + self.count_attacks(answer)

    @property
    def controls_hold(self) -> bool:
        """Whether the good images were installed."""
        return all(not verdict.violations and verdict.outcome is Outcome.NEW_VERSION for verdict in self.controls)

    @property
    def holds(self) -> bool:
        """Whether every image was refused for its own reason, wherever it was tried; it may have been interrupted before it was tried everywhere."""
        return self.controls_hold and not any(self.count(answer) + self.count_at_cuts(answer) for answer in (Answer.WRONG_REASON, Answer.ACCEPTED))


Progress = Callable[[str, int, int], None]
"""Hears what is done: a word for the stage, how much of it is done, and how much there is."""


def try_hostile_images(
    scenario: PreparedScenario,
    options: HostileOptions,
    progress: Progress = lambda _stage, _done, _total: None,
    store: HostileStore | None = None,
) -> HostileResult:
    """Try the whole table. Updates are cut only where every image was refused at rest. Ctrl-C ends it, and keeps what was tried.

    Args:
        store: keeps results as they come; those that it has already are taken from it, and not made again.

    Raises:
        InputError: no hostile images can be made for the scenario; or the store can't be read or written.
        EngineError: a fault did not fire, or an engine failed.
    """
    started = time.monotonic()
    cases = HostileCases(scenario)  # refused here, not in a worker
    result = HostileResult(scenario, options, tuple(cases.table.values()), cases.rollback)
    planner = HostileWorker(scenario, options.seed, options.engine, at_cuts=False)
    try:
        result.controls = planner.judge_controls()
        _try_at_rest(result, progress, store)
        if options.at_cuts and result.holds:
            _attack(planner.plan_attacks(), result, progress, store)
    except KeyboardInterrupt:
        if not result.controls:
            raise
        result.interrupted = True
    finally:
        planner.close()
    result.seconds = store.seconds if store else time.monotonic() - started
    return result


def _try_at_rest(result: HostileResult, progress: Progress, store: HostileStore | None) -> None:
    names = [hostile.name for hostile in result.table]
    kept = {name: image for name in names if store and (image := store.image(name))}
    with contextlib.closing(_worked(result, _judge_image, [name for name in names if name not in kept])) as made:
        for name in names:
            if name not in kept:
                image = next(made)
                if store:
                    store.keep_image(image)
                kept[name] = image
            result.images.append(kept[name])
            progress("images", len(result.images), len(names))


def _attack(possible: list[tuple[Fault, bool]], result: HostileResult, progress: Progress, store: HostileStore | None) -> None:
    attacks = _plan(possible, result)
    result.possible, result.planned = len(possible), len(attacks)
    batches = {_name_of(batch): batch for batch in (attacks[start : start + _BATCH] for start in range(0, len(attacks), _BATCH))}
    kept = {name: found for name in batches if store and (found := store.attacks(name))}
    with contextlib.closing(_worked(result, _attack_batch, [batch for name, batch in batches.items() if name not in kept])) as made:
        for name, batch in batches.items():
            if name not in kept:
                found = next(made)
                if store:
                    store.keep_attacks(name, found)
                kept[name] = found
            result.attacks.add(kept[name])
            result.cuts += len(batch)
            progress("cuts of an update", result.cuts, len(attacks))


def _name_of(batch: Sequence[Attack]) -> str:
    """A digest of what is attacked, and with which images: in a file, equal names are equal attacks."""
    spelled = (f"{spell_faults(attack.faults)} {attack.then_cut} {','.join(attack.names)}" for attack in batch)
    return f"attacks {hashlib.sha256(chr(10).join(spelled).encode()).hexdigest()}"


def _plan(planned: Sequence[tuple[Fault, bool]], result: HostileResult) -> list[Attack]:
    """Return the attacks: each chosen cut, then cuts of whose recovery is cut once more."""
    options = result.options
    table = [hostile for hostile in result.table if not hostile.stops]  # begun, the trusted key's own mistake is no attack
    first = {hostile.reason: hostile.name for hostile in reversed(table)}
    few = tuple(dict.fromkeys([*first.values(), result.rollback]))
    every = tuple(hostile.name for hostile in table)
    chosen = planned if options.sample is None else random_sample(planned, options.sample, options.seed)
    attacks = [Attack((fault,), every if wide or options.every_image else few) for fault, wide in chosen]
    draw = random.Random(f"{options.seed}:pairs")
    return attacks + [Attack((draw.choice(planned)[0],), few, number) for number in range(options.pairs)]


def _worked(result: HostileResult, function: Callable[[TaskT], ResultT], tasks: Sequence[TaskT]) -> Generator[ResultT, None, None]:
    """Yield the results of the tasks in their order, from worker processes or from this one."""
    if not tasks:
        return
    options = result.options
    start = (result.scenario, options.seed, options.engine, options.at_cuts, shared_calls(options.engine))
    if options.jobs > 1:
        yield from results_in_order(function, tasks, options.jobs, _start_worker, start)
        return
    _start_worker(*start)
    try:
        for task in tasks:
            yield function(task)
    finally:
        _this_worker().close()


_worker: HostileWorker | None = None


def _start_worker(scenario: PreparedScenario, seed: int, engine: str, at_cuts: bool, calls: SharedCalls | None) -> Callable[[], None]:
    global _worker
    _worker = HostileWorker(scenario, seed, engine, at_cuts=at_cuts, calls=calls)
    return _worker.close


def _this_worker() -> HostileWorker:
    if _worker is None:
        raise RuntimeError("_start_worker was not called in this process")
    return _worker


def _judge_image(name: str) -> ImageVerdict:
    return _this_worker().judge_image(name)


def _attack_batch(attacks: Sequence[Attack]) -> AttackResult:
    return _this_worker().attack(attacks)
