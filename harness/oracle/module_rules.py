"""The rules about modules: code that an application loads into RAM. Like the others they judge by flash bytes and program counter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.machine.protocol import Entry
from harness.oracle.run import Run, is_settled
from harness.oracle.violation import Violation
from harness.scenario.model import ModuleEnd
from harness.scenario.prepared import MODULE_DOMAIN, InstalledModule


@dataclass(frozen=True, slots=True)
class _Seen:
    """Code in the modules' RAM was entered.

    Attributes:
        module: what the flash held that may be run. called: whether code of the same module was entered before in this boot:
            then this may be the return from one of the host's functions, which comes back wherever the call was.
    """

    boot: int
    entry: Entry
    module: InstalledModule | None
    called: bool


def authentic_module(run: Run) -> Iterator[Violation]:
    """Code runs in the RAM for modules only while the flash holds an authentic one of the counter's version, only inside of it, and from its entry on."""
    for seen in _entered(run):
        pc = seen.entry.pc
        if seen.module is None:
            yield Violation("authentic_module", f"a module was run at {pc:#010x} while the flash held none that is authentic and current", seen.boot)
        elif pc not in seen.module.code:
            yield Violation("authentic_module", f"code ran at {pc:#010x}, behind the module's end", seen.boot)
        elif not seen.called and pc != seen.module.entry_address:
            yield Violation("authentic_module", f"a module was called at {pc:#010x}, its entry is {seen.module.entry_address:#010x}", seen.boot)


def no_older_module(run: Run) -> Iterator[Violation]:
    """The modules' counter never falls, not even in the crash image: a module that was replaced never runs again."""
    modules = run.scenario.modules
    if modules is None:
        return
    floor = max(modules.counter(run.case.state.flash), run.history.module_counter if run.history else 0)
    shown = [modules.counter(run.flash_before_boot(boot)) for boot in range(len(run.traces))]
    for boot, counter in enumerate([*shown, modules.counter(run.final_flash)]):
        if counter < floor:
            yield Violation("no_older_module", f"the modules' counter fell from {floor} to {counter}", min(boot, len(run.traces) - 1))
        floor = max(floor, counter)


def module_runs(run: Run) -> Iterator[Violation]:
    """In a boot that settles, the module that ran last is the one that the case asks for; a refused one leaves its own reason in the log."""
    wanted, modules = run.case.module, run.scenario.modules
    if wanted is None or modules is None:
        return
    digest = {ModuleEnd.NEW: wanted.staged_digest, ModuleEnd.OLD: wanted.installed_digest, ModuleEnd.NONE: None}[wanted.end]
    last = {seen.boot: seen.module for seen in _entered(run)}
    for boot, trace in enumerate(run.traces):
        ran = last.get(boot)
        if is_settled(trace) and (None if ran is None else ran.digest) != digest:
            found = "none" if ran is None else f"version {ran.version}"
            yield Violation("module_runs", f"case {run.case.name} asks for the module {wanted.end}, {found} ran in the end", boot)
            break
    recorded = modules.refusal(run.final_flash)
    if run.application_runs and wanted.refusal is not None and recorded != wanted.refusal:
        yield Violation("module_runs", f"the staged module left a record of reason {recorded}, not {wanted.refusal}", len(run.traces) - 1)


def _entered(run: Run) -> Iterator[_Seen]:
    """Yield each entry into the RAM for modules, in order."""
    if run.scenario.modules is None:
        return
    for boot, trace in enumerate(run.traces):
        held: dict[int, InstalledModule | None] = {}
        before: InstalledModule | None = None
        for entry in trace.entries:
            if entry.domain != MODULE_DOMAIN:
                continue
            if entry.operations not in held:
                held[entry.operations] = run.scenario.modules.installed(run.flash_at(boot, entry.operations))
            module = held[entry.operations]
            yield _Seen(boot, entry, module, module is not None and module == before)
            before = module
