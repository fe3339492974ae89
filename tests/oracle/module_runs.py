"""Runs with modules made by hand: a toy store beside the toy counter."""

from __future__ import annotations

import dataclasses

from harness.device import NonVolatile
from harness.machine.protocol import End, Entry, Trace
from harness.oracle.run import CutWear, History, Run
from harness.scenario.model import ExpectedEnd, ModuleEnd
from harness.scenario.prepared import InstalledModule, PreparedModule

from .runs import BASE, PAGE, RESET, STACK, make_flash, make_run, make_trace

MEMORY = 0x2000_2000
ENTRY, CODE_BYTES = MEMORY + 16, 100
AT = 2 * PAGE + 8
NEW, OLD = "new module", "old module"
VERSIONS = {ord("n"): (2, NEW), ord("o"): (1, OLD)}


class ToyModules:
    """Three bytes of the metadata page: the module, its counter, and the recorded refusal."""

    def counter(self, flash: bytes) -> int:
        """Return the counter byte."""
        return flash[AT + 1]

    def installed(self, flash: bytes) -> InstalledModule | None:
        """Return the module that the letter stands for, if the counter has its version."""
        version, digest = VERSIONS.get(flash[AT], (0, ""))
        return InstalledModule(version, range(MEMORY, MEMORY + CODE_BYTES), ENTRY, digest) if version and version == self.counter(flash) else None

    def refusal(self, flash: bytes) -> int:
        """Return the recorded reason."""
        return flash[AT + 2]


def module_flash(module: bytes = b"n", counter: int = 2, refusal: int = 0) -> NonVolatile:
    """Return the toy flash with the old application and these three bytes."""
    flash = bytearray(make_flash(b"O", counter=1))
    flash[AT : AT + 3] = module + bytes([counter, refusal])
    return NonVolatile(bytes(flash))


def module_boot(*calls: int, final: NonVolatile | None = None, end: End = End.SLEEPING) -> Trace:
    """Return a boot whose application entered the modules' RAM at each of these addresses, and returned from there."""
    entries = [Entry("bootloader", BASE, 0, 0), Entry("application", RESET, 0, 5, stack_pointer=STACK)]
    for call in calls:
        entries += [Entry("module", call, 0, 6), Entry("application", RESET + 30, 0, 7)]
    return make_trace(entries=tuple(entries), final=final or module_flash(), end=end)


def module_run(*traces: Trace, end: ModuleEnd = ModuleEnd.NEW, refusal: int | None = 0, module_counter: int = 0) -> Run:
    """Return a run of a case that has module 1 installed and module 2 staged."""
    run = make_run(*traces, end=ExpectedEnd.OLD)
    start = module_flash(b"o", 1)
    case = dataclasses.replace(run.case, state=start, module=PreparedModule(end, OLD, NEW, refusal))
    scenario = dataclasses.replace(run.scenario, modules=ToyModules())
    history = History(CutWear(0, 0), 1, module_counter)
    return dataclasses.replace(run, case=case, start=start, scenario=scenario, history=history)


REFUSED = module_flash(b"o", 1, 11)

HOLDS: dict[str, Run] = {
    "the new module runs": module_run(module_boot(ENTRY)),
    "the new module calls the application and is returned to": module_run(module_boot(ENTRY, MEMORY + 20, MEMORY + 40)),
    "the old module runs, the staged one is refused": module_run(module_boot(ENTRY, final=REFUSED), end=ModuleEnd.OLD, refusal=11),
    "no module runs where none may": module_run(module_boot(final=module_flash(b"?", 1)), end=ModuleEnd.NONE, refusal=None),
}

BROKEN: dict[str, tuple[Run, set[str]]] = {
    "a module that the counter does not name": (module_run(module_boot(ENTRY, final=module_flash(b"n", 1))), {"authentic_module", "module_runs"}),
    "a module that is none": (module_run(module_boot(ENTRY, final=module_flash(b"?", 2))), {"authentic_module", "module_runs"}),
    "a module called behind its entry": (module_run(module_boot(MEMORY + 20)), {"authentic_module"}),
    "code behind the module's end": (module_run(module_boot(ENTRY, MEMORY + CODE_BYTES)), {"authentic_module"}),
    "a counter that fell": (module_run(module_boot(ENTRY), module_boot(ENTRY, final=module_flash(b"o", 1))), {"no_older_module", "module_runs"}),
    "a counter that fell in the cut": (module_run(module_boot(ENTRY), module_counter=2), {"no_older_module"}),
    "the old module in the end": (module_run(module_boot(ENTRY, final=module_flash(b"o", 1))), {"module_runs"}),
    "no module in the end": (module_run(module_boot()), {"module_runs"}),
    "the new module, which was to be refused": (module_run(module_boot(ENTRY), end=ModuleEnd.OLD, refusal=0), {"module_runs"}),
    "a module where none may run": (module_run(module_boot(ENTRY), end=ModuleEnd.NONE), {"module_runs"}),
    "a refusal for another reason": (module_run(module_boot(ENTRY, final=REFUSED), end=ModuleEnd.OLD, refusal=8), {"module_runs"}),
    "a refusal without a record": (module_run(module_boot(ENTRY, final=module_flash(b"o", 1)), end=ModuleEnd.OLD, refusal=8), {"module_runs"}),
}
