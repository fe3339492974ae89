"""The NVMC once more, written from the nRF52840 product specification alone: what the engine is compared with on random accesses."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.machine.protocol import MisuseKind, OperationKind
from tests.machine.firmware import Step
from tests.machine.nrf52840 import CONFIG, EEN, ERASEALL, ERASEPAGE, ERASEUICR, PAGE_BYTES, UICR, WEN

_WRITE32 = 1
_N_WRITE = 2
_ERASED = b"\xff\xff\xff\xff"


class BusFault(Exception):  # noqa: N818 -- what the manual calls it
    """The access ends the boot."""


@dataclass
class NvmcModel:
    """The controller seen by code in flash: an operation is over before the next access.

    Attributes:
        flash, uicr: the two arrays, changed in place.
        writes: how often each word was written since its erase, where that is not what its content tells.
    """

    flash: bytearray
    uicr: bytearray
    config: int = 0
    writes: dict[int, int] = field(default_factory=dict)
    operations: list[tuple[OperationKind, int, bytes, bytes]] = field(default_factory=list)
    misuses: list[MisuseKind] = field(default_factory=list)

    def run(self, steps: list[Step]) -> bool:
        """Perform the steps until one faults; return whether all of them ran."""
        try:
            for kind, address, value in steps:
                if address in (CONFIG, ERASEPAGE, ERASEALL, ERASEUICR):
                    self._write_register(address, value)
                else:
                    self._store(address, value, kind == _WRITE32)
        except BusFault:
            return False
        return True

    def _write_register(self, address: int, value: int) -> None:
        if address == CONFIG:
            self.config = value & 3
        elif self.config != EEN:
            self.misuses.append(MisuseKind.NOT_ENABLED)
        elif address == ERASEPAGE:
            self._erase_page(value)
        elif value == 1:
            self._erase(OperationKind.OPTION_ERASE, self.uicr, UICR, 0, len(self.uicr))
            if address == ERASEALL:
                self._erase(OperationKind.MASS_ERASE, self.flash, 0, 0, len(self.flash))

    def _erase_page(self, address: int) -> None:
        if address % PAGE_BYTES or address >= len(self.flash):
            self.misuses.append(MisuseKind.NO_SUCH_PAGE)
        if address < len(self.flash):
            self._erase(OperationKind.PAGE_ERASE, self.flash, 0, address // PAGE_BYTES * PAGE_BYTES, PAGE_BYTES)

    def _erase(self, kind: OperationKind, array: bytearray, base: int, start: int, size: int) -> None:
        self.operations.append((kind, base + start, bytes(array[start : start + size]), b"\xff" * size))
        array[start : start + size] = b"\xff" * size
        for address in [address for address in self.writes if base + start <= address < base + start + size]:
            del self.writes[address]

    def _store(self, address: int, value: int, whole: bool) -> None:
        if not whole or address % 4:
            self.misuses.append(MisuseKind.WRONG_WIDTH)
            raise BusFault
        if self.config != WEN:
            self.misuses.append(MisuseKind.NOT_ENABLED)
            raise BusFault
        in_uicr = address >= UICR
        array, offset = (self.uicr, address - UICR) if in_uicr else (self.flash, address)
        old = bytes(array[offset : offset + 4])
        written = self.writes.get(address, int(old != _ERASED))
        if written >= _N_WRITE:
            self.misuses.append(MisuseKind.TOO_MANY_WRITES)
        self.writes[address] = written + 1
        new = bytes(one & other for one, other in zip(old, value.to_bytes(4, "little"), strict=True))
        self.operations.append((OperationKind.OPTION_PROGRAM if in_uicr else OperationKind.PROGRAM, address, old, new))
        array[offset : offset + 4] = new
