"""The rules. Each is a pure function from a run to the violations it found, and judges by bytes and program counter.

No rule knows an image format: it asks the scenario which image the flash holds, whether it is authentic, and which
version the counter has. UART text is never evidence: a faulted firmware may lie.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from harness.machine.capability import Capability
from harness.machine.protocol import Trace
from harness.oracle.module_rules import authentic_module, module_runs, no_older_module
from harness.oracle.run import Outcome, Run, is_settled, outcome_of, recovers
from harness.oracle.times import boot_times, time_until_application, watchdog_margin_percent
from harness.oracle.violation import Violation
from harness.scenario.model import ExpectedEnd
from harness.scenario.prepared import APPLICATION_DOMAIN, BOOTLOADER_DOMAIN, MODULE_DOMAIN

Rule = Callable[[Run], Iterator[Violation]]


def bootable(run: Run) -> Iterator[Violation]:
    """An application runs within the allowed boots; where the case ends in recovery, the bootloader waits instead."""
    last_boot = len(run.traces) - 1
    if run.case.end is ExpectedEnd.RECOVERY:
        if not recovers(run):
            yield Violation("bootable", f"expected the recovery loop, ended with {_end(run, last_boot)}", last_boot)
    elif not run.application_runs:
        yield Violation("bootable", f"no application runs after {len(run.traces)} boots; the last ended with {_end(run, last_boot)}", last_boot)


def exact_image(run: Run) -> Iterator[Violation]:
    """The application that runs at the end is byte for byte one that the case allows: the installed image, or the staged one if it is to be installed."""
    if not run.application_runs:
        return
    outcome = outcome_of(run)
    allowed = {Outcome.OLD_VERSION, Outcome.NEW_VERSION} if run.case.end is ExpectedEnd.NEW else {Outcome.OLD_VERSION}
    if outcome not in allowed:
        held = "the staged image, which was to be refused" if outcome is Outcome.NEW_VERSION else "neither the installed nor the staged image"
        yield Violation("exact_image", f"the application region holds {held}", len(run.traces) - 1)


def authentic_entry(run: Run) -> Iterator[Violation]:
    """Code runs only in the bootloader and in an application that is authentic at that moment, started as its vector table says."""
    for boot, trace in enumerate(run.traces):
        started = False
        for entry in trace.entries:
            if entry.domain in (BOOTLOADER_DOMAIN, MODULE_DOMAIN):
                continue
            if entry.domain != APPLICATION_DOMAIN:
                yield Violation("authentic_entry", f"code ran at {entry.pc:#010x}, in {entry.domain or 'no domain'}", boot)
                continue
            image = run.scenario.format.installed_image(run.flash_at(boot, entry.operations))
            if image is None or not image.authentic:
                yield Violation("authentic_entry", f"entered an application that is not authentic, at {entry.pc:#010x}", boot)
            elif entry.pc not in image.code:
                yield Violation("authentic_entry", f"entered the application region at {entry.pc:#010x}, outside the signed code", boot)
            elif not started and entry.pc != image.reset_address:
                yield Violation("authentic_entry", f"started the application at {entry.pc:#010x}, its reset vector says {image.reset_address:#010x}", boot)
            elif not started and image.initial_stack is not None and entry.stack_pointer != image.initial_stack:
                stacks = f"{entry.stack_pointer:#010x}, its vector table says {image.initial_stack:#010x}"
                yield Violation("authentic_entry", f"started the application with the stack at {stacks}", boot)
            # Later entries are returns from calls into the bootloader: they come back wherever the call was.
            started = True


def no_downgrade(run: Run) -> Iterator[Violation]:
    """The counter never falls, not even in the crash image; a version that is started is neither below it nor, yet, above it."""
    if not run.scenario.format.has_counter:
        yield from _no_older_version(run)
        return
    floor = max(run.scenario.format.counter(run.case.state.flash), run.history.counter if run.history else 0)
    for boot, trace in enumerate(run.traces):
        seen = run.scenario.format.counter(run.flash_before_boot(boot))
        if seen < floor:
            yield Violation("no_downgrade", f"the counter fell from {floor} to {seen} before this boot", boot)
        floor = max(floor, seen)
        for entry in trace.entries:
            if entry.domain != APPLICATION_DOMAIN:
                continue
            flash = run.flash_at(boot, entry.operations)
            image = run.scenario.format.installed_image(flash)
            counter = run.scenario.format.counter(flash)
            if image is not None and image.version < max(floor, counter):
                yield Violation("no_downgrade", f"version {image.version} was started with the counter at {max(floor, counter)}", boot)
            elif image is not None and counter < image.version:
                message = f"version {image.version} was started with the counter still at {counter}: an older version could come back"
                yield Violation("no_downgrade", message, boot)
    seen = run.scenario.format.counter(run.final_flash)
    if seen < floor:
        yield Violation("no_downgrade", f"the counter fell from {floor} to {seen}", len(run.traces) - 1)


def _no_older_version(run: Run) -> Iterator[Violation]:
    """Without a counter the version that the case began with is the one that may not be undercut."""
    for boot, trace in enumerate(run.traces):
        for entry in trace.entries:
            image = run.scenario.format.installed_image(run.flash_at(boot, entry.operations)) if entry.domain == APPLICATION_DOMAIN else None
            if image is not None and image.version < run.case.installed_version:
                message = f"version {image.version} was started on a device that had version {run.case.installed_version}"
                yield Violation("no_downgrade", message, boot)


def protected_areas(run: Run) -> Iterator[Violation]:
    """The bootloader and the identity page are never erased and never change, but for the places for keys where the update brings a key."""
    page_bytes = run.scenario.device.flash.page_bytes.value
    for name in run.scenario.protected:
        region = run.scenario.regions[name]
        original = _guarded_bytes(run, run.case.state.flash, name)
        if _guarded_bytes(run, run.start.flash, name) != original:
            yield Violation("protected_areas", f"the cut left {name} changed", 0)
        first_page = (region.address - run.scenario.flash_address) // page_bytes
        pages = slice(first_page, first_page + region.size_bytes // page_bytes)
        for boot, trace in enumerate(run.traces):
            if any(trace.erases[pages]):
                yield Violation("protected_areas", f"a page of {name} was erased", boot)
            elif _guarded_bytes(run, trace.final.flash, name) != original:
                yield Violation("protected_areas", f"{name} changed", boot)


def _guarded_bytes(run: Run, flash: bytes, name: str) -> bytes:
    """Return what may not change of a protected region."""
    content = run.scenario.region_bytes(flash, name)
    writable = run.scenario.key_places
    if not run.case.rotates_key or writable.start not in run.scenario.regions[name].addresses:
        return content
    start = writable.start - run.scenario.regions[name].address
    return content[:start] + content[start + len(writable) :]


def flash_discipline(run: Run) -> Iterator[Violation]:
    """The firmware breaks no rule of the flash controller."""
    for boot, trace in enumerate(run.traces):
        for misuse in trace.misuses[:1]:
            more = f" and {len(trace.misuses) - 1} more" if len(trace.misuses) > 1 else ""
            kind = misuse.kind.name.lower()
            yield Violation("flash_discipline", f"{kind} at {misuse.address:#010x}, from pc {misuse.pc:#010x}{more}", boot)


def update_not_lost(run: Run) -> Iterator[Violation]:
    """A valid update that is staged is installed in the end, whatever was cut; but one that brings a key, if cuts used up the last place for one."""
    if run.case.end is ExpectedEnd.NEW and outcome_of(run) is Outcome.OLD_VERSION:
        if run.case.rotates_key and run.scenario.format.is_out_of_key_places(run.final_flash) and not _began_with_a_key_place(run):
            return  # SPEC, "Key rotation": what an endless series of cuts can do
        yield Violation("update_not_lost", "the old version runs and the staged update is forgotten", len(run.traces) - 1)


def _began_with_a_key_place(run: Run) -> bool:
    """Tell whether a place for a key was blank when power came back: no cut came after that, so whoever used it up must install the update.

    A place whose cells a cut left half way is not counted: it may read blank, and not hold what is written there.
    """
    places = run.scenario.key_places
    half_way = any(cells.address < places.stop and places.start < cells.address + len(cells.mask) for cells in run.start.disturbed)
    return not half_way and run.scenario.format.has_key_place(run.flash_before_boot(0))


def pending_verified(run: Run) -> Iterator[Violation]:
    """What an application marks pending verifies at that moment: the bootloader's refusal is the second check, not the only one."""
    if run.case.peer is None:
        return
    for boot, trace in enumerate(run.traces):
        marked = run.scenario.format.staged(trace.final.flash)
        if marked is False and run.scenario.format.staged(run.flash_before_boot(boot)) is None:
            yield Violation("pending_verified", "what this boot marked pending does not verify", boot)


def refused(run: Run) -> Iterator[Violation]:
    """An image that is to be refused is refused for its own reason, by the device's record, before anything but that record changes."""
    if run.case.refusal is None:
        return
    kept = run.scenario.record_addresses
    for boot, trace in enumerate(run.traces):
        outside = (trace.operations[index] for index in range(len(trace.operations)))
        changed = next((operation for operation in outside if not any(operation.address in addresses for addresses in kept)), None)
        if changed is not None:
            kind = changed.kind.name.lower()
            yield Violation("refused", f"an image that was to be refused led to a {kind} at {changed.address:#010x}", boot)
            break
    recorded = run.scenario.format.refusal(run.final_flash)
    if run.application_runs and recorded != run.case.refusal:
        said = "no refusal" if not recorded else f"reason {recorded}"
        yield Violation("refused", f"an image that was to be refused for reason {run.case.refusal} left a record of {said}", len(run.traces) - 1)


def boot_budget(run: Run) -> Iterator[Violation]:
    """A run that ends in the application gets there within the boots that its bootloader is allowed."""
    limit = run.scenario.limits.settling_boots
    for boot, traces in _with_last_boot(run.recoveries):
        if is_settled(traces[-1]) and len(traces) > limit:
            yield Violation("boot_budget", f"{len(traces)} boots until the application ran, {limit} allowed", boot)


def stable(run: Run) -> Iterator[Violation]:
    """Once the application has settled, another power cycle changes nothing: it settles again, without a flash operation.

    Where a cut left cells that read now this way and now that, a later boot may have to put right what an earlier one read well.
    """
    settled = run.settled_boot
    if settled is None or run.starts:
        return
    for boot in range(settled + 1, len(run.traces)):
        trace = run.traces[boot]
        if not is_settled(trace):
            yield Violation("stable", f"the application had settled, and another power cycle ended with {_end(run, boot)}", boot)
        elif len(trace.operations):
            yield Violation("stable", f"the application had settled, and another power cycle made {len(trace.operations)} flash operations", boot)


def erase_budget(run: Run) -> Iterator[Violation]:
    """No page is erased more often in one run than the budget says."""
    limit = run.scenario.limits.page_erases
    page_bytes = run.scenario.device.flash.page_bytes.value
    for boot, traces in _with_last_boot(run.recoveries):
        totals = [sum(counts) for counts in zip(*(trace.erases for trace in traces), strict=True)]
        worst = max(range(len(totals)), key=totals.__getitem__)
        if totals[worst] > limit:
            address = run.scenario.flash_address + worst * page_bytes
            yield Violation("erase_budget", f"page {address:#010x} was erased {totals[worst]} times, {limit} allowed", boot)


def wear_budget(run: Run) -> Iterator[Violation]:
    """A cut does not cost more page erases, over the run that it cut and the recovery, than the budget says: the update is resumed, not begun again."""
    if run.history is None or run.scenario.limits.cut_erases is None:
        return
    wear = run.history.wear
    limit = run.scenario.limits.cut_erases
    last_boot, recovery = next(_with_last_boot(run.recoveries))
    erases = wear.before + sum(sum(trace.erases) for trace in recovery)
    if erases - wear.clean > limit:
        counts = f"{wear.before} before the cut, {erases - wear.before} after it, {wear.clean} without it"
        yield Violation("wear_budget", f"the cut cost {erases - wear.clean} more page erases ({counts}), {limit} allowed", last_boot)


def time_budget(run: Run) -> Iterator[Violation]:
    """The device starts, recovers and feeds its watchdog within the times of the budget, at the slow end of the range of cycles."""
    limits = run.scenario.limits
    last_boot = len(run.traces) - 1
    for boot, time in boot_times(run):
        if limits.boot_ms is not None and time.high_us > limits.boot_ms * 1e3:
            yield Violation("time_budget", f"a boot that updates nothing takes up to {time.high_us / 1e3:,.1f} ms, {limits.boot_ms:g} ms allowed", boot)
            break
    ready = time_until_application(run)
    if limits.recovery_ms is not None and ready is not None and ready.high_us > limits.recovery_ms * 1e3:
        yield Violation("time_budget", f"the application runs after up to {ready.high_us / 1e3:,.1f} ms, {limits.recovery_ms:g} ms allowed", last_boot)
    for boot, trace in enumerate(run.traces):
        margin = watchdog_margin_percent(trace)
        if limits.watchdog_margin_percent is not None and margin is not None and margin < limits.watchdog_margin_percent:
            wanted = limits.watchdog_margin_percent
            yield Violation("time_budget", f"the watchdog was fed with {margin:.0f} % of its period left, {wanted} % wanted", boot)
            break


RULES: dict[str, Rule] = {
    rule.__name__: rule
    for rule in (
        bootable,
        exact_image,
        authentic_entry,
        no_downgrade,
        protected_areas,
        flash_discipline,
        update_not_lost,
        pending_verified,
        refused,
        authentic_module,
        no_older_module,
        module_runs,
        boot_budget,
        stable,
        erase_budget,
        wear_budget,
        time_budget,
    )
}
"""Every rule by name, in reporting order."""


NEEDS: dict[str, Capability] = {"flash_discipline": Capability.MISUSE, "time_budget": Capability.TIME}
"""What an engine must show for a rule to mean anything; the others need flash bytes, operations and program counters only."""


def rules_not_shown(shown: frozenset[Capability]) -> tuple[str, ...]:
    """Return the rules that an engine cannot show broken, in reporting order: that they hold there says nothing."""
    return tuple(name for name in RULES if name in NEEDS and NEEDS[name] not in shown)


def judge(run: Run) -> tuple[Violation, ...]:
    """Hold a run against every rule."""
    return tuple(violation for rule in RULES.values() for violation in rule(run))


def _with_last_boot(recoveries: tuple[tuple[Trace, ...], ...]) -> Iterator[tuple[int, tuple[Trace, ...]]]:
    boot = -1
    for traces in recoveries:
        boot += len(traces)
        yield boot, traces


def _end(run: Run, boot: int) -> str:
    trace = run.traces[boot]
    detail = f" ({trace.end_detail})" if trace.end_detail else ""
    return f"{trace.end.name.lower()}{detail} at pc {trace.pc:#010x} in {trace.domain or 'no domain'}"
