"""Shared calls are exactly what the calls themselves would have been, and are shared only where they must be."""

from __future__ import annotations

import ctypes
import itertools
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.device import NonVolatile, load_device
from harness.fault.crash import FlashReplay
from harness.fault.flash_map import FlashMap
from harness.machine.calls import SharedCalls
from harness.machine.embedded import EmbeddedMachine
from harness.machine.protocol import End, Operation, Trace
from harness.scenario.prepare import PrepareOptions, prepare
from harness.scenario.prepared import PreparedScenario

from .firmware import IN_RAM, compile_program, make_script_flash, spin

CHOICE, SALT, LAST_ERASED, R12_BEFORE, DATA, TARGET = 0x08005000, 0x08005400, 0x08005800, 0x08005C00, 0x08006000, 0x08008000
RESULTS = 0x1000
"""Offset in RAM of what the two calls returned; the Q flag after each of them follows."""
SHARED = {
    "flash": 0,
    "RAM that was written before": 1,
    "noise": 2,
    "flash operations": 3,
    "bytes sent": 8,
    "the Q flag": 11,
    "the flash controller": 12,
    "the Q flag inside": 13,
    "R12 moved": 14,
    "R12 added": 15,
    "R12 pushed": 16,
    "a timer or not": 17,
}
REFUSED = {"a timer": 4, "special registers": 5, "exclusive accesses": 6, "a broken rule": 7, "a byte received": 9, "RAM by its alias": 10}
INSIDE = {"a timer", "special registers", "a byte received", "RAM by its alias"}
"""Those that call a function which may be shared."""


@dataclass(frozen=True)
class Machines:
    """A machine that executes every call, and two that use one store: one records, one only looks up."""

    plain: EmbeddedMachine
    recorder: EmbeddedMachine
    user: EmbeddedMachine
    calls: SharedCalls


def make_machines() -> Machines:
    """Return machines for the test program."""
    device = load_device("stm32f103")
    calls = SharedCalls()
    return Machines(
        EmbeddedMachine(device, "c8"), EmbeddedMachine(device, "c8", records_reads=True, calls=calls), EmbeddedMachine(device, "c8", calls=calls), calls
    )


@pytest.fixture(scope="module")
def machines() -> Machines:
    """The machines that all properties share, as a campaign's do."""
    return make_machines()


def make_state(choice: int, salt: int = 1, data: bytes = b"\x5a" * 64, target: bytes = b"", last_erased: int = TARGET, r12: int = 0) -> NonVolatile:
    """Return a flash whose program calls one function twice, with `r12` in that register, after it wrote `last_erased` to the flash controller."""
    words = {CHOICE: choice, SALT: salt, LAST_ERASED: last_erased, R12_BEFORE: r12}
    patches = {**{address: word.to_bytes(4, "little") for address, word in words.items()}, DATA: data, TARGET: target}
    return NonVolatile(compile_program("calls.c").flash(patches=patches))


def described(machine: EmbeddedMachine, state: NonVolatile, seed: int = 1, budget: int = 1_000_000, stop_before: int | None = None) -> tuple[object, ...]:
    """Boot, and return all that can be seen: the trace, without what only a recorder has, and RAM."""
    return (*seen(machine.boot(state, seed=seed, instruction_budget=budget, stop_before=stop_before)), machine.ram())


def seen(trace: Trace) -> tuple[object, ...]:
    """Return a trace as values that can be compared, its record of reads left out."""
    without = {"page_uses", "erased_by", "reach"}
    return tuple(getattr(trace, name) for name in Trace.__dataclass_fields__ if name not in without)


@pytest.mark.parametrize("name", SHARED)
def test_a_call_that_must_do_the_same_is_not_executed_again(name: str) -> None:
    """The third boot shares both calls, and gives the same trace and the same RAM."""
    machines = make_machines()
    state = make_state(SHARED[name])
    expected = described(machines.plain, state)

    for machine in (machines.recorder, machines.recorder):
        assert described(machine, state) == expected
    before = machines.calls.counts().shared
    assert described(machines.user, state) == expected

    assert machines.calls.counts().shared == before + 2


@pytest.mark.parametrize("name", REFUSED)
def test_a_call_that_may_differ_is_executed(name: str) -> None:
    """What depends on more than a record holds, or does more, is never recorded; calls inside of it may be."""
    machines = make_machines()
    state = make_state(REFUSED[name])
    expected = described(machines.plain, state)

    for machine in (machines.recorder, machines.recorder, machines.recorder, machines.user):
        assert described(machine, state) == expected

    functions = machines.calls.counts().functions
    assert functions == (name in INSIDE)


@settings(max_examples=40)
@given(st.sampled_from(sorted({**SHARED, **REFUSED}.values())), st.integers(0, 3), st.integers(0, 3), st.integers(1, 3), st.booleans(), st.booleans())
def test_no_boot_can_tell(machines: Machines, choice: int, salt: int, data: int, seed: int, torn: bool, recording: bool) -> None:
    """Any mixture of states and RAM fillings, recorded or looked up, gives what a machine gives that executes everything."""
    target = random.Random(data).randbytes(1024) if torn else b""
    state = make_state(choice, salt, bytes([data]) * 64, target)
    machine = machines.recorder if recording else machines.user

    assert described(machine, state, seed) == described(machines.plain, state, seed)


@settings(max_examples=30)
@given(st.integers(1, 70_000), st.integers(0, 1030))
def test_a_boot_that_ends_inside_a_shared_call_ends_there(machines: Machines, budget: int, stop_before: int) -> None:
    """A budget or a stop that falls into a call means that it is executed up to there."""
    state = make_state(SHARED["flash operations"])
    for _ in range(3):
        described(machines.recorder, state)

    assert described(machines.user, state, budget=budget) == described(machines.plain, state, budget=budget)
    assert described(machines.user, state, stop_before=stop_before) == described(machines.plain, state, stop_before=stop_before)


def test_another_salt_or_another_page_is_another_call() -> None:
    """A byte of RAM or flash that the call looked at and that differs makes it another call, with another result."""
    machines = make_machines()
    for choice, other in ((1, make_state(1, salt=7)), (0, make_state(0, data=b"\x5b" * 64))):
        for _ in range(3):
            described(machines.recorder, make_state(choice))

        assert described(machines.user, other) == described(machines.plain, other)
        assert results_of(machines.user) != results_after(machines.user, make_state(choice))


@pytest.mark.parametrize(("name", "uses"), [("flash", False), ("bytes sent", False), ("the flash controller", True), ("flash operations", True)])
def test_only_a_call_that_uses_the_flash_controller_depends_on_it(name: str, uses: bool) -> None:
    """That another page was erased last makes it another call only where it looks at the controller's registers, or writes them."""
    assert depends_on_difference(make_state(SHARED[name]), make_state(SHARED[name], last_erased=TARGET + 1024)) == uses


@pytest.mark.parametrize(("name", "uses"), [("flash", False), ("R12 moved", True), ("R12 added", True), ("R12 pushed", True)])
def test_only_a_call_that_names_r12_depends_on_it(name: str, uses: bool) -> None:
    """Another value in R12, which is noise after a power-on, makes it another call only where an instruction of it names that register."""
    assert depends_on_difference(make_state(SHARED[name]), make_state(SHARED[name], r12=1)) == uses


def depends_on_difference(state: NonVolatile, other: NonVolatile) -> bool:
    """Record the calls of a state, and return whether less is shared in a boot of another one, which goes on as without shared calls."""
    machines = make_machines()
    for _ in range(2):
        machines.recorder.boot(state, seed=1)
    shared = []
    for booted in (state, other):
        before = machines.calls.counts().instructions
        assert described(machines.user, booted) == described(machines.plain, booted)
        shared.append(machines.calls.counts().instructions - before)
    return shared[1] < shared[0]


def test_the_q_flag_stays_what_it_was_or_is_set() -> None:
    """Calls recorded with either flag, that set it or do not, or may not be shared after all, leave what the core would have left."""
    machines = make_machines()
    left = set()
    for seed in range(1, 9):
        for name, salt in itertools.product(("the Q flag", "the Q flag inside", "a timer or not"), (1, 3)):
            state = make_state(SHARED[name], salt)
            expected = described(machines.plain, state, seed)
            for machine in (machines.user, machines.recorder, machines.user):
                assert described(machine, state, seed) == expected
            left.add((name, salt, results_of(machines.plain, 16)[8:]))

    clear, both = bytes(8), (0x08000000).to_bytes(4, "little") * 2
    either = {("the Q flag", 1), ("the Q flag inside", 1), ("a timer or not", 1), ("a timer or not", 3)}
    assert left == {(*name, flags) for name in either for flags in (clear, both)} | {("the Q flag", 3, both), ("the Q flag inside", 3, both)}
    assert machines.calls.counts().shared > 24


def test_the_first_boot_of_all_finds_the_calls_that_the_second_records() -> None:
    """With an empty store a machine that does not record finds out which calls are worth it, and gives what every machine gives."""
    machines = make_machines()
    state = make_state(SHARED["flash"])
    expected = described(machines.plain, state)

    assert [described(machine, state) for machine in (machines.user, machines.recorder)] == [expected] * 2
    assert machines.calls.counts().functions > 0
    assert shared_by_user(machines, state) == 2


@pytest.mark.parametrize("reference", ["stm32f103/speck-full", "nrf52840/speck-full"])
def test_calls_hardly_depend_on_what_a_power_on_leaves(reference: str) -> None:
    """What one filling of registers and RAM recorded is shared by all others: signatures, checksums and copies are not executed once for each."""
    scenario = prepare(reference, PrepareOptions())
    build = (scenario.device, scenario.part, scenario.domains, scenario.timing, scenario.verification)
    calls = SharedCalls()
    user, recorder = EmbeddedMachine(*build, calls=calls), EmbeddedMachine(*build, records_reads=True, calls=calls)
    state = scenario.case("update").state
    for machine in (user, recorder, recorder):
        machine.boot(state, seed=1)

    for seed in range(2, 10):
        before = calls.counts().instructions
        trace = user.boot(state, seed=seed)
        assert calls.counts().instructions - before > 0.9 * trace.instructions


def results_of(machine: EmbeddedMachine, size_bytes: int = 8) -> bytes:
    """Return what the calls of the last boot returned."""
    return machine.ram()[RESULTS : RESULTS + size_bytes]


def results_after(machine: EmbeddedMachine, state: NonVolatile) -> bytes:
    """Boot a state, and return what its calls returned."""
    machine.boot(state, seed=1)
    return results_of(machine)


@pytest.mark.parametrize("reference", ["stm32f103/speck-full", "nrf52840/speck-full"])
def test_the_bootloader_cannot_tell_either(reference: str) -> None:
    """Crash images of an update, and random damage, boot alike with and without shared calls; and most of what they execute is shared."""
    scenario = prepare(reference, PrepareOptions())
    build = (scenario.device, scenario.part, scenario.domains, scenario.timing, scenario.verification)
    calls = SharedCalls()
    plain, user = EmbeddedMachine(*build), EmbeddedMachine(*build, calls=calls)
    recorder = EmbeddedMachine(*build, records_reads=True, calls=calls)
    executed = 0

    for number, state in enumerate(crash_states(scenario, plain)):
        machine = recorder if number % 3 == 0 else user
        expected = plain.boot(state, seed=number % 4)
        executed += expected.instructions
        assert seen(machine.boot(state, seed=number % 4)) == seen(expected)

    assert calls.counts().instructions > executed / 2


def crash_states(scenario: PreparedScenario, machine: EmbeddedMachine) -> Iterator[NonVolatile]:
    """Yield states before operations of the update, some of them damaged."""
    random_numbers = random.Random(5)
    start = scenario.case("update").state
    trace = machine.boot(start, seed=1)
    assert trace.end is End.SLEEPING
    operations: list[Operation] = [trace.operations[index] for index in range(len(trace.operations))]
    replay = FlashReplay(start, operations, FlashMap(scenario.flash_address, scenario.device.option_bytes.address.value))
    for step in range(0, len(operations), len(operations) // 16):
        state = replay.state_before(step)
        yield state
        damaged = bytearray(state.flash)
        damaged[random_numbers.choice(scenario.regions[random_numbers.choice(("application", "slot", "metadata"))].addresses) - scenario.flash_address] ^= 0x10
        yield NonVolatile(bytes(damaged), state.option_bytes)


def test_code_in_ram_ends_the_recording_of_that_boot() -> None:
    """A recorder whose firmware runs code from RAM boots on as every machine does, and records again in its next boot."""
    machines = make_machines()
    runs_in_ram = NonVolatile(make_script_flash((IN_RAM, spin(9000))))
    calls_twice = make_state(SHARED["RAM that was written before"])

    for state in (runs_in_ram, runs_in_ram, calls_twice, runs_in_ram, calls_twice, calls_twice):
        assert described(machines.recorder, state) == described(machines.plain, state)
        assert described(machines.user, state) == described(machines.plain, state)

    assert machines.calls.counts().shared > 0


def make_small_machines() -> Machines:
    """Return machines whose store has room for some tens of calls of the test program, and knows which of its functions is worth it."""
    device = load_device("stm32f103")
    calls = SharedCalls(1 << 20)
    recorder = EmbeddedMachine(device, "c8", records_reads=True, calls=calls)
    recorder.boot(make_state(0), seed=1)
    return Machines(EmbeddedMachine(device, "c8"), recorder, EmbeddedMachine(device, "c8", calls=calls), calls)


def shared_after_recording(machines: Machines, state: NonVolatile) -> int:
    """Boot a state on the machine that records, and return how many calls the other one shares then."""
    machines.recorder.boot(state, seed=1)
    return shared_by_user(machines, state)


def shared_by_user(machines: Machines, state: NonVolatile) -> int:
    """Boot a state on the machine that only looks up, hold it against plain execution, and return how many calls were shared."""
    before = machines.calls.counts().shared
    assert described(machines.user, state) == described(machines.plain, state)
    return machines.calls.counts().shared - before


def make_others(count: int) -> Iterator[NonVolatile]:
    """Yield states with other bytes in every page that the program's function reads: nothing of one says anything about another."""
    for number in range(count):
        yield make_state(0, salt=1000 + number, data=random.Random(number).randbytes(64), target=random.Random(number).randbytes(1024))


def test_a_full_store_gives_up_what_is_not_met_any_more() -> None:
    """New calls are recorded however many there were; one that is met again and again stays, and one that is not is recorded anew."""
    machines = make_small_machines()
    hot, cold = make_state(0), make_state(0, salt=7)
    assert (shared_after_recording(machines, hot), shared_after_recording(machines, cold)) == (2, 2)

    shared = [(shared_after_recording(machines, other), shared_by_user(machines, hot)) for other in make_others(200)]

    counts = machines.calls.counts()
    assert counts.generations >= 3
    assert sum(others < 2 for others, _ in shared) <= counts.generations, "only the boot in which there was no more room keeps less"
    assert all(again == 2 for _, again in shared)
    assert counts.kept_bytes <= 1 << 20
    assert shared_by_user(machines, cold) < 2
    assert shared_after_recording(machines, cold) == 2


def test_a_process_that_died_in_a_boot_keeps_what_there_is() -> None:
    """Nobody can know where it looked: nothing is given up from then on, nothing new is kept, and every boot still goes as it must."""
    machines = make_small_machines()
    core, handle = machines.calls._core, machines.calls.handle  # noqa: SLF001 -- no boot can be made to die at a known place
    child = os.fork()
    if child == 0:
        core.memo_store_enter(ctypes.c_void_p(handle))
        os._exit(0)
    os.waitpid(child, 0)

    shared = [shared_after_recording(machines, other) for other in make_others(200)]

    assert machines.calls.counts().generations <= 2
    assert (shared[0], shared[-1]) == (2, 0)
