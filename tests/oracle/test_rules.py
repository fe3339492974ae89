"""Each rule holds on a good run, and breaks, alone, on a run made for it."""

from __future__ import annotations

import dataclasses

import pytest

from harness.device import NonVolatile
from harness.device.memory import CellState, DisturbedCells
from harness.machine.protocol import End, Entry, Misuse, MisuseKind, Operation, OperationKind, Peer, Trace
from harness.oracle.rules import RULES, judge
from harness.oracle.run import CutWear, History, Outcome, Run, outcome_of
from harness.scenario.model import ExpectedEnd, Limits

from . import module_runs
from .runs import BASE, PAGE, RESET, STACK, make_flash, make_run, make_trace

IN_BOOTLOADER = Entry("bootloader", BASE, 0, 0)


def entry(pc: int, domain: str = "application") -> Entry:
    """Return an entry before any operation."""
    return Entry(domain, pc, 0, 5, stack_pointer=STACK)


def waiting() -> Trace:
    """Return a boot that ends in the bootloader's recovery loop."""
    return make_trace(end=End.WAITING, pc=BASE + 4, domain="bootloader", entries=(IN_BOOTLOADER,))


def late(time_ms: int, *, low_ms: int = 0, erases: bytes = bytes(4)) -> Trace:
    """Return a boot that enters the application after up to `time_ms`."""
    application = Entry("application", RESET, 0, low_ms * 10**9, low_ms * 10**9, time_ms * 10**9, STACK)
    return make_trace(entries=(IN_BOOTLOADER, application), erases=erases)


PROGRAM = Operation(0, OperationKind.PROGRAM, BASE + 2 * PAGE + 8, b"\xff\xff", b"\0\0", 0, 0, BASE, 0)
OLD_FLASH = NonVolatile(make_flash(b"O", counter=1))
REFUSED_FOR_4 = NonVolatile(OLD_FLASH.flash[: 2 * PAGE + 1] + b"\x04" + OLD_FLASH.flash[2 * PAGE + 2 :])


def refusing(reason: int, trace: Trace) -> Run:
    """Return a run of a case whose staged image is to be refused for `reason`."""
    run = make_run(trace, end=ExpectedEnd.OLD)
    return dataclasses.replace(run, case=dataclasses.replace(run.case, refusal=reason))


class Silent:
    """Makes a peer that is never made: a rule only asks whether there is one."""

    identity = b""

    def make(self) -> Peer:
        """Nobody calls."""
        raise NotImplementedError


def pending(verifies: bool) -> NonVolatile:
    """Return the new version's flash with something pending."""
    flash = make_flash()
    return NonVolatile(flash[: 2 * PAGE + 2] + bytes([verifies]) + flash[2 * PAGE + 3 :])


def downloading(trace: Trace, start: bytes | None = None) -> Run:
    """Return a run of a case in which an application takes the update."""
    run = make_run(trace, start=start)
    return dataclasses.replace(run, case=dataclasses.replace(run.case, peer=Silent()))


def with_key_places(run: Run, *, rotates: bool) -> Run:
    """Return a run on a device with places for keys behind the first four bytes of its identity page."""
    places = range(BASE + 3 * PAGE + 4, BASE + 4 * PAGE)
    return dataclasses.replace(run, scenario=dataclasses.replace(run.scenario, key_places=places), case=dataclasses.replace(run.case, rotates_key=rotates))


def key_places_of(places: bytes) -> bytes:
    """Return the flash before an update, with this in the places for keys."""
    return make_flash(b"O", counter=1, identity=b"I\xff\xff\xff" + places)


def refused_for_want_of_places(places: bytes) -> Trace:
    """Return the end of a boot that recorded reason 17, with this in the places for keys."""
    flash = bytearray(key_places_of(places))
    flash[2 * PAGE + 1] = 17
    return make_trace(final=NonVolatile(bytes(flash)))


KEY_WRITTEN = make_trace(final=NonVolatile(make_flash(identity=b"I\xff\xff\xffkey")))

BROKEN: dict[str, tuple[Run, set[str]]] = {
    "a hard fault after three boots": (
        make_run(*[make_trace(end=End.HARD_FAULT, domain="bootloader", pc=BASE, entries=(IN_BOOTLOADER,))] * 3),
        {"bootable"},
    ),
    "waiting for help instead of starting the application": (make_run(*[waiting()] * 3), {"bootable"}),
    "an application that runs although only recovery is allowed": (make_run(end=ExpectedEnd.RECOVERY), {"bootable", "exact_image"}),
    "an authentic image that is neither installed nor staged": (
        make_run(make_trace(final=NonVolatile(make_flash(b"X", counter=3)))),
        {"exact_image"},
    ),
    "a staged image that was to be refused": (make_run(end=ExpectedEnd.OLD), {"exact_image"}),
    "a forged image entered": (make_run(make_trace(final=NonVolatile(make_flash(b"F", counter=9)))), {"exact_image", "authentic_entry"}),
    "no image at all entered": (make_run(make_trace(final=NonVolatile(make_flash(b"?")))), {"exact_image", "authentic_entry"}),
    "a jump behind the signed code": (
        make_run(make_trace(entries=(IN_BOOTLOADER, entry(BASE + PAGE + 500)))),
        {"authentic_entry"},
    ),
    "code run from RAM": (
        make_run(make_trace(entries=(IN_BOOTLOADER, entry(0x2000_0000, ""), entry(BASE + PAGE + 8)))),
        {"authentic_entry"},
    ),
    "another vector than the reset vector": (make_run(make_trace(entries=(IN_BOOTLOADER, entry(RESET + 4)))), {"authentic_entry"}),
    "another stack pointer than the vector table's": (
        make_run(make_trace(entries=(IN_BOOTLOADER, Entry("application", RESET, 0, 5, stack_pointer=STACK - 8)))),
        {"authentic_entry"},
    ),
    "a version started before the counter knows it": (make_run(make_trace(final=NonVolatile(make_flash(counter=1)))), {"no_downgrade"}),
    "a power cycle later, no application": (make_run(make_trace(), waiting()), {"bootable", "stable"}),
    "a power cycle later, flash operations": (make_run(make_trace(), make_trace(operations=[PROGRAM])), {"stable"}),
    "a counter that fell in the second boot": (
        make_run(make_trace(), make_trace(final=NonVolatile(make_flash(counter=1)))),
        {"no_downgrade"},
    ),
    "an application older than the counter, in the second boot": (
        make_run(make_trace(), make_trace(final=NonVolatile(make_flash(b"N", counter=3)))),
        {"no_downgrade"},
    ),
    "a page erased once in each of the two boots of a recovery": (
        make_run(
            make_trace(end=End.RESET, domain="bootloader", pc=BASE, entries=(IN_BOOTLOADER,), erases=bytes([0, 1, 0, 0])),
            make_trace(erases=bytes([0, 1, 0, 0])),
        ),
        {"erase_budget", "boot_budget"},
    ),
    "a counter that fell during the boot": (make_run(make_trace(final=NonVolatile(make_flash(counter=0)))), {"no_downgrade"}),
    "a counter that a tear lowered": (make_run(start=make_flash(b"N", counter=0)), {"no_downgrade"}),
    "an application older than the counter": (make_run(make_trace(final=NonVolatile(make_flash(b"N", counter=3)))), {"no_downgrade"}),
    "a bootloader that changed": (
        make_run(make_trace(final=NonVolatile(make_flash(bootloader=b"C")))),
        {"protected_areas"},
    ),
    "an identity page that changed": (
        make_run(make_trace(final=NonVolatile(make_flash(identity=b"J")))),
        {"protected_areas"},
    ),
    "a key written by an update that brings none": (with_key_places(make_run(KEY_WRITTEN), rotates=False), {"protected_areas"}),
    "a cut of one that brings none, a key in the crash image": (
        with_key_places(make_run(start=make_flash(b"O", counter=1, identity=b"I\xff\xff\xffk")), rotates=False),
        {"protected_areas"},
    ),
    "another byte of the page that keys are in": (
        with_key_places(make_run(make_trace(final=NonVolatile(make_flash(identity=b"I\xff\xff\x00key")))), rotates=True),
        {"protected_areas"},
    ),
    "places for keys that are erased": (
        with_key_places(make_run(make_trace(erases=bytes([0, 0, 0, 1]))), rotates=True),
        {"protected_areas"},
    ),
    "a bootloader page erased and written back": (make_run(make_trace(erases=bytes([1, 0, 0, 0]))), {"protected_areas"}),
    "a crash image with a torn bootloader": (make_run(start=make_flash(bootloader=b"C")), {"protected_areas"}),
    "a program of a half-word that is not erased": (
        make_run(make_trace(misuses=(Misuse(MisuseKind.PROGRAM_NOT_ERASED, BASE + PAGE, BASE, 0),))),
        {"flash_discipline"},
    ),
    "the old version at the end": (make_run(make_trace(final=OLD_FLASH)), {"update_not_lost"}),
    "a refusal for want of a place for its key, with one left": (
        with_key_places(make_run(refused_for_want_of_places(b"ke")), rotates=True),
        {"update_not_lost"},
    ),
    "a last place that is used up without a cut, and the update refused for want of one": (
        with_key_places(make_run(refused_for_want_of_places(b"key"), start=key_places_of(b"ke")), rotates=True),
        {"update_not_lost"},
    ),
    "such a refusal of an update that brings no key": (
        with_key_places(make_run(refused_for_want_of_places(b"key"), start=key_places_of(b"key")), rotates=False),
        {"update_not_lost", "protected_areas"},
    ),
    "something marked pending that does not verify": (downloading(make_trace(final=pending(verifies=False))), {"pending_verified"}),
    "a refusal recorded for another reason": (refusing(11, make_trace(final=REFUSED_FOR_4)), {"refused"}),
    "a refusal without a record": (refusing(4, make_trace(final=OLD_FLASH)), {"refused"}),
    "a refusal after something was written": (refusing(4, make_trace(final=REFUSED_FOR_4, operations=[PROGRAM])), {"refused"}),
    "a second boot to settle": (
        make_run(make_trace(end=End.RESET, domain="bootloader", pc=BASE, entries=(IN_BOOTLOADER,)), make_trace()),
        {"boot_budget"},
    ),
    "a start later than the budget at the slow end of its range": (make_run(late(101, low_ms=60)), {"time_budget"}),
    "an update that takes longer than a recovery may": (make_run(late(501, erases=bytes([0, 1, 0, 0]))), {"time_budget"}),
    "a watchdog fed with a fifth of its period left": (
        make_run(make_trace(watchdog_longest_ps=80 * 10**9, watchdog_period_ps=100 * 10**9)),
        {"time_budget"},
    ),
    "an update that a cut makes begin again": (
        dataclasses.replace(make_run(make_trace(erases=bytes([0, 1, 1, 0]))), history=History(CutWear(before=3, clean=2), counter=0)),
        {"wear_budget"},
    ),
    "a page erased twice": (make_run(make_trace(erases=bytes([0, 2, 0, 0]))), {"erase_budget"}),
}


def test_a_good_run_breaks_no_rule() -> None:
    """The base of every row below holds."""
    assert judge(make_run()) == ()


def test_a_refusal_for_its_own_reason_breaks_no_rule() -> None:
    """The rows of rule `refused` break for what is wrong in them alone."""
    assert judge(refusing(4, make_trace(final=REFUSED_FOR_4))) == ()


def test_a_key_in_its_place_breaks_no_rule() -> None:
    """An update that brings a key may write it, whole or torn."""
    torn = make_flash(b"O", counter=1, identity=b"I\xff\xff\xffk")
    assert judge(with_key_places(make_run(KEY_WRITTEN, start=torn), rotates=True)) == ()


def test_an_update_is_not_lost_for_which_cuts_left_no_place() -> None:
    """The key that it brings has nowhere to go: it is refused for that, and the old version goes on."""
    assert judge(with_key_places(make_run(refused_for_want_of_places(b"key"), start=key_places_of(b"key")), rotates=True)) == ()


def test_a_place_that_a_cut_left_half_way_is_not_one_that_was_left() -> None:
    """It may read blank in one boot and spoil what is written there: no rule says that the update must be installed then."""
    run = with_key_places(make_run(refused_for_want_of_places(b"key"), start=key_places_of(b"ke")), rotates=True)
    last = DisturbedCells(BASE + 3 * PAGE + 6, b"\x01", CellState.WEAK)

    assert judge(dataclasses.replace(run, start=dataclasses.replace(run.start, disturbed=(last,)))) == ()


def test_the_recovery_loop_is_good_where_it_is_expected() -> None:
    """A tampered application must end in the loop, and that is no violation."""
    run = make_run(*[waiting()] * 3, end=ExpectedEnd.RECOVERY)

    assert judge(run) == ()
    assert outcome_of(run) is Outcome.RECOVERY


@pytest.mark.parametrize("situation", BROKEN)
def test_a_rule_breaks_on_the_run_made_for_it(situation: str) -> None:
    """Exactly the expected rules break."""
    run, expected = BROKEN[situation]

    assert {violation.rule for violation in judge(run)} == expected


@pytest.mark.parametrize("situation", module_runs.BROKEN)
def test_a_rule_about_modules_breaks_on_the_run_made_for_it(situation: str) -> None:
    """Exactly the expected rules break."""
    run, expected = module_runs.BROKEN[situation]

    assert {violation.rule for violation in judge(run)} == expected


@pytest.mark.parametrize("situation", module_runs.HOLDS)
def test_a_good_run_with_modules_breaks_no_rule(situation: str) -> None:
    """What the case asks for breaks no rule, calls between module and application included."""
    assert judge(module_runs.HOLDS[situation]) == ()


def test_every_rule_has_a_run_that_breaks_it() -> None:
    """A rule that nothing can trip is no rule."""
    assert {rule for _, rules in [*BROKEN.values(), *module_runs.BROKEN.values()] for rule in rules} == set(RULES)


def test_times_within_their_budgets_break_no_rule() -> None:
    """At the budget, a start holds; an update may take longer than a start; a quarter of the watchdog's period is enough."""
    assert judge(make_run(late(100))) == ()
    assert judge(make_run(late(500, erases=bytes([0, 1, 0])))) == ()
    assert judge(make_run(make_trace(watchdog_longest_ps=75 * 10**9, watchdog_period_ps=100 * 10**9))) == ()


def test_a_budget_that_is_not_given_is_not_held() -> None:
    """Nobody must know the times of a bootloader to sweep it."""
    run = make_run(late(10**6))
    unlimited = dataclasses.replace(run, scenario=dataclasses.replace(run.scenario, limits=Limits()))
    assert judge(unlimited) == ()


def test_authenticity_is_judged_by_the_flash_at_the_moment_of_entry() -> None:
    """A forged image that was entered is found even if the flash holds a good one afterwards."""
    operation = Operation(0, OperationKind.PROGRAM, BASE + PAGE, b"F", b"N", 0, 0, BASE, 0)
    trace = make_trace(operations=[operation])
    run = make_run(trace, start=make_flash(b"F"))

    assert "authentic_entry" in {violation.rule for violation in judge(run)}


def test_what_verifies_may_be_pending() -> None:
    """An update that verifies is marked by right, and one that was pending before is the bootloader's to judge."""
    assert judge(downloading(make_trace(final=pending(verifies=True)))) == ()
    assert judge(downloading(make_trace(final=pending(verifies=False)), start=pending(verifies=False).flash)) == ()
    assert judge(make_run(make_trace(final=pending(verifies=False)))) == ()
