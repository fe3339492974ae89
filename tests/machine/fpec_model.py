"""The flash controller once more, written from PM0075 alone: what the engine is compared with on random accesses."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.machine.protocol import MisuseKind, OperationKind
from tests.machine.firmware import (
    AR,
    CR,
    EOP,
    FLASH,
    KEY1,
    KEY2,
    KEYR,
    LOCK,
    MER,
    OPTER,
    OPTPG,
    PER,
    PG,
    PGERR,
    SR,
    STRT,
    WRPRTERR,
    Step,
)

_PAGE_BYTES = 1024
_SELECTORS = PG | PER | MER | OPTPG | OPTER
_WRITE32, _WRITE16 = 1, 2


class BusFault(Exception):  # noqa: N818 -- what the manual calls it
    """The access ends the boot."""


@dataclass
class FpecModel:
    """The controller seen by code in flash: an operation is over before the next access.

    Attributes:
        cells: the array, changed in place. protected: numbers of the write-protected pages.
    """

    cells: bytearray
    protected: frozenset[int]
    control: int = LOCK
    status: int = 0
    address: int = 0
    half_unlocked: bool = False
    operations: list[tuple[OperationKind, int, bytes, bytes]] = field(default_factory=list)
    misuses: list[MisuseKind] = field(default_factory=list)

    def run(self, steps: list[Step]) -> bool:
        """Perform the steps until one faults; return whether all of them ran."""
        try:
            for kind, address, value in steps:
                if kind == _WRITE32 and address in (KEYR, SR, CR, AR):
                    self._write_register(address, value)
                else:
                    self._store(address, value, 4 if kind == _WRITE32 else 2 if kind == _WRITE16 else 1)
        except BusFault:
            return False
        return True

    def _write_register(self, address: int, value: int) -> None:
        locked = bool(self.control & LOCK)
        if address == SR:
            self.status &= ~value
        elif address == KEYR:
            self._write_key(value)
        elif locked:
            if address == AR or value != self.control:
                self.misuses.append(MisuseKind.LOCKED)
        elif address == AR:
            self.address = value
        else:
            self.control = value & (_SELECTORS | LOCK | 0x1400)
            if value & STRT and not value & LOCK:
                self._start()

    def _write_key(self, value: int) -> None:
        if not self.control & LOCK:
            return
        if value != (KEY2 if self.half_unlocked else KEY1):
            self.misuses.append(MisuseKind.WRONG_KEY)
            raise BusFault
        if self.half_unlocked:
            self.control &= ~LOCK
        self.half_unlocked = not self.half_unlocked

    def _start(self) -> None:
        selected = self.control & _SELECTORS
        if selected in (0, PG, OPTPG):
            return
        if selected.bit_count() > 1:
            self.misuses.append(MisuseKind.PG_AND_PER)
        elif selected == OPTER:  # OPTWRE is never set in these accesses
            self._refuse(MisuseKind.WRITE_PROTECTED, WRPRTERR)
        else:
            pages = range(len(self.cells) // _PAGE_BYTES) if selected == MER else [(self.address - FLASH) // _PAGE_BYTES]
            self._erase(OperationKind.MASS_ERASE if selected == MER else OperationKind.PAGE_ERASE, pages)

    def _erase(self, kind: OperationKind, pages: range | list[int]) -> None:
        start, size = pages[0] * _PAGE_BYTES, len(pages) * _PAGE_BYTES
        if not 0 <= start < len(self.cells) or self.protected & set(pages):
            self._refuse(MisuseKind.WRITE_PROTECTED, WRPRTERR)
            return
        self.operations.append((kind, FLASH + start, bytes(self.cells[start : start + size]), b"\xff" * size))
        self.cells[start : start + size] = b"\xff" * size
        self.status |= EOP

    def _store(self, address: int, value: int, size: int) -> None:
        if size != 2 or not self.control & PG:
            self.misuses.append(MisuseKind.WRONG_WIDTH if self.control & PG else MisuseKind.NOT_ENABLED)
            raise BusFault
        if self.control & (PER | MER | OPTER):
            self.misuses.append(MisuseKind.ERASE_BIT_LEFT_SET)
        elif self.control & OPTPG:
            self.misuses.append(MisuseKind.PG_AND_PER)
        else:
            self._program(address - FLASH, value.to_bytes(2, "little"))

    def _program(self, offset: int, new: bytes) -> None:
        old = bytes(self.cells[offset : offset + 2])
        if offset // _PAGE_BYTES in self.protected:
            self._refuse(MisuseKind.WRITE_PROTECTED, WRPRTERR)
        elif old != b"\xff\xff" and new != b"\x00\x00":
            self._refuse(MisuseKind.PROGRAM_NOT_ERASED, PGERR)
        else:
            self.operations.append((OperationKind.PROGRAM, FLASH + offset, old, new))
            self.cells[offset : offset + 2] = new
            self.address = FLASH + offset
            self.status |= EOP

    def _refuse(self, kind: MisuseKind, flag: int) -> None:
        self.misuses.append(kind)
        self.status |= flag
