"""A machine that lies is found out: the harness never turns a fault that did not fire into a pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from harness.campaign import boots, runner
from harness.campaign.accelerations import NO_ACCELERATION
from harness.campaign.boots import log_of, run_until_settled
from harness.campaign.runner import FaultRunner, Job
from harness.campaign.sweep import SweepOptions, run_clean, sweep
from harness.device import NonVolatile
from harness.errors import EngineError
from harness.fault.faults import Fault, Tear
from harness.machine.engines import make_machine
from harness.machine.protocol import End, Machine, PeerMaker, Retained, Trace
from harness.oracle.verdict import Verdict
from harness.scenario.prepare import PrepareOptions, prepare
from harness.scenario.prepared import PreparedScenario

LIVE = Job(0, (Fault(0, 3, Tear.SOME),), live=True)


@pytest.fixture(scope="module", name="scenario")
def _scenario() -> PreparedScenario:
    return prepare("stm32f103/speck-full", PrepareOptions())


class LyingMachine:
    """The one fake, at the seam: a real machine whose traces are changed before anyone sees them."""

    engine = "embedded"

    def __init__(self, machine: Machine, lie: Callable[[Trace, bool], Trace]) -> None:
        self._machine = machine
        self._lie = lie

    def boot(
        self,
        state: NonVolatile,
        *,
        seed: int,
        stop_before: int | None = None,
        instruction_budget: int = 10**9,
        uart_input: bytes = b"",
        retained: Retained | None = None,
        peer: PeerMaker | None = None,
    ) -> Trace:
        """Boot for real, then lie."""
        trace = self._machine.boot(
            state, seed=seed, stop_before=stop_before, instruction_budget=instruction_budget, uart_input=uart_input, retained=retained, peer=peer
        )
        return self._lie(trace, stop_before is not None)

    def close(self) -> None:
        """Release the machine."""
        self._machine.close()


@pytest.fixture(name="runner_that_lies")
def _runner_that_lies(scenario: PreparedScenario, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Callable[[Trace, bool], Trace]], FaultRunner]]:
    (clean,) = run_clean(scenario, SweepOptions(only_case="update"))
    made = []

    def make(lie: Callable[[Trace, bool], Trace]) -> FaultRunner:
        honest = make_machine("embedded", scenario.device, scenario.part, scenario.domains)
        monkeypatch.setattr(runner, "make_machine", lambda *_: LyingMachine(honest, lie))
        made.append(FaultRunner(scenario, [log_of(clean, 1)], 1, "embedded", NO_ACCELERATION))
        return made[-1]

    yield make
    for one in made:
        one.close()


def flipped(state: NonVolatile, offset: int) -> NonVolatile:
    """Return a state with one byte changed."""
    return replace(state, flash=state.flash[:offset] + bytes([state.flash[offset] ^ 1]) + state.flash[offset + 1 :])


def when_stopped(**changes: object) -> Callable[[Trace, bool], Trace]:
    """Return a lie about stopped machines only."""
    return lambda trace, live: replace(trace, **changes) if live else trace  # type: ignore[arg-type]


def when_stopped_flip(offset: int) -> Callable[[Trace, bool], Trace]:
    """Return a lie about one byte of a stopped machine's flash."""
    return lambda trace, live: replace(trace, final=flipped(trace.final, offset)) if live else trace


LIES: dict[str, tuple[Callable[[Trace, bool], Trace], str]] = {
    "the machine did not stop": (when_stopped(end=End.SLEEPING, pending=None), "did not fire"),
    "it stopped with other flash where the operation writes": (when_stopped_flip(0xF816), "did not fire"),
    "it stopped with other flash elsewhere": (when_stopped_flip(0x9000), "another verdict"),
    "it does not model what the firmware needs": (lambda trace, _: replace(trace, end=End.UNSUPPORTED, end_detail="a radio"), "a radio"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_live_cut_that_differs_is_an_error(lie: str, runner_that_lies: Callable[..., FaultRunner]) -> None:
    """Each lie stops the campaign with an error of the harness."""
    change, words = LIES[lie]

    with pytest.raises(EngineError, match=words):
        runner_that_lies(change).judge(LIVE)


def test_an_honest_machine_passes_the_same_check(runner_that_lies: Callable[..., FaultRunner]) -> None:
    """The check is not simply always failing."""
    verdict = runner_that_lies(lambda trace, _: trace).judge(LIVE)

    assert verdict.proof is not None
    assert verdict.proof.faults == LIVE.faults


def test_a_log_that_does_not_lead_to_the_final_flash_is_an_error(scenario: PreparedScenario) -> None:
    """A clean run whose log and flash disagree cannot be the base of crash images."""
    machine = make_machine("embedded", scenario.device, scenario.part, scenario.domains)
    case = scenario.case("update")
    run = run_until_settled(LyingMachine(machine, lambda trace, _: replace(trace, final=flipped(trace.final, 0x9000))), scenario, case, case.state, 1)
    machine.close()

    with pytest.raises(EngineError, match="does not lead to the final state"):
        log_of(run, 1)


@pytest.mark.parametrize(
    ("change", "words"),
    [(lambda verdict: replace(verdict, proof=None), "and nothing fired"), (lambda verdict: replace(verdict, case="forged"), "forged")],
    ids=["a verdict without proof", "a verdict of another case"],
)
def test_a_verdict_that_is_not_of_the_planned_fault_is_an_error(
    scenario: PreparedScenario, monkeypatch: pytest.MonkeyPatch, change: Callable[[Verdict], Verdict], words: str
) -> None:
    """Planned = run = fired is enforced, not only printed."""
    honest = FaultRunner.judge
    monkeypatch.setattr(FaultRunner, "judge", lambda self, job: change(honest(self, job)))

    with pytest.raises(EngineError, match=words):
        sweep(scenario, SweepOptions(only_case="update", operations=(0, 0)))


def test_ram_is_filled_in_several_ways() -> None:
    """States draw from more than one filling, and equal states draw the same."""
    digests = [f"{number:08x}" for number in range(64)]

    seeds = {boots.ram_seed(1, digest, 0) for digest in digests}

    assert len(seeds) == boots.RAM_FILLINGS
    assert seeds.isdisjoint({boots.ram_seed(2, digest, 0) for digest in digests})
    assert seeds.isdisjoint({boots.ram_seed(1, digest, 1) for digest in digests})
