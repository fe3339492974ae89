"""Small programs for the emulated chip: compiles them once a session, and boots them."""

from __future__ import annotations

import functools
import struct
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from harness.device.loader import load_device
from harness.machine.embedded import EmbeddedMachine
from harness.machine.protocol import Domain, NonVolatile, Trace

PROGRAMS = Path(__file__).parent / "programs"
FLASH = 0x08000000
SCRIPT = 0x08004000
KEYR, SR, CR, AR = 0x40022004, 0x4002200C, 0x40022010, 0x40022014
OPTKEYR, OBR, WRPR = 0x40022008, 0x4002201C, 0x40022020
KEY1, KEY2 = 0x45670123, 0xCDEF89AB
PG, PER, MER, OPTPG, OPTER, STRT, LOCK, OPTWRE = 1, 2, 4, 0x10, 0x20, 0x40, 0x80, 0x200
BSY, PGERR, WRPRTERR, EOP = 1, 4, 0x10, 0x20

_FLAGS = (
    *("-target", "thumb-freestanding-eabi", "-std=c11", "-Os", "-g", "-Wall", "-Wextra", "-Werror"),
    *("-ffreestanding", "-fno-sanitize=all", "-fno-unwind-tables", "-fno-asynchronous-unwind-tables"),
    *("-fno-delete-null-pointer-checks", "-nostdlib", "-rtlib=compiler-rt", "-Wl,-z,max-page-size=4", "-Wl,-e,start"),
)

_CHIPS = {
    "stm32f103": (FLASH, "link.ld", ("-mcpu=cortex_m3",)),
    "nrf52840": (0, "link_nrf52840.ld", ("-mcpu=cortex_m4+vfp4d16sp", "-mfloat-abi=hard", "-DNRF52840")),
    "nrf51822": (0, "link_nrf52840.ld", ("-mcpu=cortex_m0", "-DNRF51822")),
}
"""Where the flash starts, the linker script, and the compiler's options."""

Step = tuple[int, int, int]


class Program:
    """A compiled program: the bytes of its flash, and where its symbols are."""

    def __init__(self, elf: Path, flash_address: int = FLASH) -> None:
        self._flash_address = flash_address
        with elf.open("rb") as stream:
            file = ELFFile(stream)
            image = bytearray()
            for segment in file.iter_segments("PT_LOAD"):
                offset = segment["p_paddr"] - flash_address
                if segment["p_filesz"]:
                    image = image.ljust(offset, b"\xff") + segment.data()
            table = file.get_section_by_name(".symtab")
            assert isinstance(table, SymbolTableSection)
            self.symbols = {symbol.name: symbol["st_value"] & ~1 for symbol in table.iter_symbols()}
        self.image = bytes(image)

    def flash(self, size_bytes: int = 65536, patches: dict[int, bytes] | None = None) -> bytes:
        """Return a whole array with the program at its start and `patches` by address."""
        content = bytearray(self.image.ljust(size_bytes, b"\xff"))
        for address, data in (patches or {}).items():
            offset = address - self._flash_address
            content[offset : offset + len(data)] = data
        return bytes(content)


@functools.cache
def compile_program(name: str, chip: str = "stm32f103") -> Program:
    """Compile `programs/<name>` for the chip."""
    flash_address, script, flags = _CHIPS[chip]
    with tempfile.TemporaryDirectory() as folder:
        elf = Path(folder) / "program.elf"
        command = [sys.executable, "-m", "ziglang", "cc", *_FLAGS, *flags, f"-Wl,-T,{PROGRAMS / script}", "-o", str(elf)]
        subprocess.run([*command, str(PROGRAMS / name)], check=True, capture_output=True, text=True)
        return Program(elf, flash_address)


@functools.cache
def make_machine(part: str = "c8", domains: tuple[Domain, ...] = ()) -> EmbeddedMachine:
    """Return the session's machine of that kind: tests share it, as a campaign does."""
    return EmbeddedMachine(load_device("stm32f103"), part, domains)


def write32(address: int, value: int) -> Step:
    """Store a word."""
    return (1, address, value)


def write16(address: int, value: int) -> Step:
    """Store a half-word."""
    return (2, address, value)


def write8(address: int, value: int) -> Step:
    """Store a byte."""
    return (3, address, value)


def send32(address: int) -> Step:
    """Load a word and send it over the UART."""
    return (4, address, 0)


def wait_clear(address: int, mask: int) -> Step:
    """Poll a word until no bit of the mask is set."""
    return (5, address, mask)


def spin(rounds: int) -> Step:
    """Pass time."""
    return (6, 0, rounds)


def call(address: int) -> Step:
    """Call a function, bit 0 of its address as given."""
    return (8, address, 0)


def jump(address: int) -> Step:
    """Go on with the steps at an address."""
    return (10, address, 0)


SLEEP: Step = (0, 0, 0)
IN_RAM: Step = (7, 0, 0)
WFE: Step = (9, 0, 0)
UNLOCK: tuple[Step, ...] = (write32(KEYR, KEY1), write32(KEYR, KEY2))
UNLOCK_OPTIONS: tuple[Step, ...] = (*UNLOCK, write32(OPTKEYR, KEY1), write32(OPTKEYR, KEY2))


def make_script(*steps: Step) -> bytes:
    """Return steps as the program reads them."""
    return b"".join(struct.pack("<III", *step) for step in steps)


def make_script_flash(steps: Sequence[Step], patches: dict[int, bytes] | None = None, size_bytes: int = 65536) -> bytes:
    """Return a flash whose program performs `steps` and sleeps."""
    script = make_script(*steps, SLEEP)
    return compile_program("script.c").flash(size_bytes, {SCRIPT: script, **(patches or {})})


def run_script(
    *steps: Step,
    patches: dict[int, bytes] | None = None,
    option_bytes: bytes = b"",
    stop_before: int | None = None,
    budget: int = 2_000_000,
) -> Trace:
    """Boot a machine that performs `steps`."""
    state = NonVolatile(make_script_flash(steps, patches), option_bytes)
    return make_machine().boot(state, seed=1, stop_before=stop_before, instruction_budget=budget)


def words(uart: bytes) -> list[int]:
    """Split UART output into the words that `send32` sent."""
    return [word for (word,) in struct.iter_unpack("<I", uart)]
