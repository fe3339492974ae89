"""What measures share: built programs, one machine, the bundled scenario and its clean runs."""

from __future__ import annotations

from functools import cached_property

from harness.build.elf import ElfFile
from harness.build.figure_programs import FigurePrograms, build_figure_program, load_figure_programs
from harness.build.firmware import Firmware
from harness.build.profile import LayoutRegion, regions_on
from harness.build.toolchain import choose_toolchain
from harness.campaign.sweep import SweepOptions, run_clean
from harness.device import NonVolatile, load_device
from harness.figures.patching import Patching, watch_patching
from harness.machine.engines import make_machine
from harness.machine.protocol import Machine, Operation, Trace
from harness.oracle.run import Run
from harness.scenario.prepare import PrepareOptions, prepare
from harness.scenario.prepared import PreparedScenario

_DEVICE, _PART, _SCENARIO = "stm32f103", "c8", "stm32f103/speck-full"
_SEED = 1


class Bench:
    """An emulated STM32F103 on which programs are booted; what takes long is made once, when first asked for."""

    def __init__(self, engine: str = "embedded") -> None:
        self._engine = engine
        self._programs: dict[str, Firmware] = {}
        self._patching: dict[str, Patching] = {}
        self.device = load_device(_DEVICE)

    @cached_property
    def machine(self) -> Machine:
        """The machine that measuring programs run on."""
        return make_machine(self._engine, self.device, _PART, ())

    @property
    def ram_bytes(self) -> int:
        """The RAM of the device."""
        return self.device.parts[_PART].ram_bytes.value

    @cached_property
    def regions(self) -> dict[str, LayoutRegion]:
        """The regions that measuring programs share."""
        return regions_on(self._recipe, self.device, _PART)

    @cached_property
    def scenario(self) -> PreparedScenario:
        """The bundled scenario with the good bootloader."""
        return prepare(_SCENARIO, PrepareOptions())

    @cached_property
    def clean_runs(self) -> dict[str, Run]:
        """The clean run of each of its cases."""
        return {run.case.name: run for run in run_clean(self.scenario, SweepOptions(seed=_SEED, engine=self._engine))}

    @cached_property
    def _recipe(self) -> FigurePrograms:
        return load_figure_programs()

    def program(self, name: str) -> Firmware:
        """Return a measuring program, built on first use."""
        if name not in self._programs:
            self._programs[name] = build_figure_program(self._recipe, name, self.device, _PART, choose_toolchain("zig"))
        return self._programs[name]

    def flash(self, name: str, what: int = 0, contents: dict[int, bytes] | None = None) -> bytes:
        """Return a flash with a program at its start.

        Args:
            what: the program's first input word. contents: bytes by address, on top.
        """
        array = bytearray(self.program(name).binary.ljust(self.device.parts[_PART].flash_bytes.value, b"\xff"))
        for address, content in {self.input_address(0): what.to_bytes(4, "little"), **(contents or {})}.items():
            start = address - self.device.flash.address.value
            array[start : start + len(content)] = content
        return bytes(array)

    def input_address(self, word: int) -> int:
        """Return the address of an input word."""
        return self.regions["inputs"].address + 4 * word

    def run(self, name: str, what: int = 0, contents: dict[int, bytes] | None = None, option_bytes: bytes = b"") -> Trace:
        """Boot a measuring program."""
        return self.boot(NonVolatile(self.flash(name, what, contents), option_bytes))

    def boot(self, state: NonVolatile) -> Trace:
        """Boot a state to its end."""
        return self.machine.boot(state, seed=_SEED)

    def read(self, trace: Trace, address: int, size_bytes: int) -> bytes:
        """Return what the flash held at an address when a boot ended."""
        start = address - self.device.flash.address.value
        return trace.final.flash[start : start + size_bytes]

    def marks(self, trace: Trace) -> list[Operation]:
        """Return the operations in which the program set its marks, in order."""
        region = self.regions["marks"]
        return [operation for operation in operations_of(trace) if region.address <= operation.address < region.end]

    def static_ram_bytes(self, name: str) -> int:
        """Return the RAM that a program's variables take, the stack not counted."""
        elf = ElfFile(self.program(name).elf_path)
        return elf.symbol("data_end") - elf.symbol("data_start") + elf.symbol("bss_end") - elf.symbol("bss_start")

    def patching(self, device: str) -> Patching:
        """Return what the bootloader that applies patches takes on a device."""
        if device not in self._patching:
            self._patching[device] = watch_patching(device)
        return self._patching[device]

    def close(self) -> None:
        """Release the machine."""
        if "machine" in self.__dict__:
            self.machine.close()


def operations_of(trace: Trace) -> list[Operation]:
    """Return the operations of a boot in program order."""
    return [trace.operations[index] for index in range(len(trace.operations))]
