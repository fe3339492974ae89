"""What a debugger can do to a chip: a pure model of the debug port over the state that an engine leaves.

The protection that counts was loaded at the last reset. A write to option bytes or UICR is a list of `Change`s; whoever
makes them can lose power in the middle of any.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from harness.device import Device
from harness.device.memory import NonVolatile
from harness.errors import InputError
from harness.machine.protocol import OperationKind

_RDP_UNPROTECTED = 0xA5
_WRP_OFFSET = 8
_WRP_BYTES = 4
_APPROTECT_OFFSET = 0x208
_APPROTECT_DISABLED = 0xFF


class Access(StrEnum):
    """What came of an access."""

    DATA = "data"
    """It was done; a read brought the bytes."""
    REFUSED = "refused"
    """The debugger got an error."""
    FAULT = "fault"
    """Code on the chip took a bus fault."""


@dataclass(frozen=True, slots=True)
class Change:
    """One operation on a non-volatile array, as the flash controller executes it.

    Attributes:
        in_flash: the flash array, else option bytes or UICR. offset: in that array.
    """

    kind: OperationKind
    in_flash: bool
    offset: int
    old: bytes
    new: bytes

    def applied_to(self, state: NonVolatile, cells: bytes | None = None) -> NonVolatile:
        """Return the state with this change made.

        Args:
            cells: what it leaves instead of `new`, where power was lost meanwhile.
        """
        content = self.new if cells is None else cells
        array = state.flash if self.in_flash else state.option_bytes
        array = array[: self.offset] + content + array[self.offset + len(content) :]
        state = replace(state, flash=array) if self.in_flash else replace(state, option_bytes=array)
        return replace(state, writes=(), partial_erases=()) if self.kind.is_erase else state


class Protection(Protocol):
    """The rules of one family of chips."""

    highest_level: int
    """The highest read protection that the chip has; 0 is none."""
    deciding_bytes: tuple[int, int]
    """First offset in the option bytes or UICR that decides on the level, and the first behind."""

    def level(self, state: NonVolatile) -> int:
        """Return the protection that a reset loads from `state`."""
        ...

    def debugger_reads_flash(self, level: int) -> Access:
        """What a read through the debugger gets."""
        ...

    def debugger_uses_ram(self, level: int) -> Access:
        """Reading and writing alike."""
        ...

    def ram_code_reads_flash(self, level: int, *, connected: bool) -> Access:
        """What code in RAM gets that a debugger put there."""
        ...

    def flash_code_runs(self, level: int, *, connected: bool) -> Access:
        """Whether code in flash goes on after the debugger lets the core run."""
        ...

    def debugger_erases(self, loaded: NonVolatile, group: int) -> Access:
        """What an erase through the debugger gets.

        Args:
            loaded: the state at the last reset. group: number of the group of pages that one bit of write protection covers.
        """
        ...

    def protect(self, state: NonVolatile, value: int, level: int) -> list[Change]:
        """Return the changes that put `value` in the protection byte, everything else kept, and what the chip does by itself at `level`."""
        ...

    def write_protect(self, state: NonVolatile, values: bytes, level: int) -> list[Change]:
        """Return the changes that put `values` in the bytes of write protection, everything else kept, and what the chip does by itself at `level`.

        Raises:
            InputError: the chip has no such bytes, or not as many.
        """
        ...

    def regress(self, state: NonVolatile, level: int) -> list[Change]:
        """Return the changes that lift the protection, as the chip makes them at `level`."""
        ...


class ReadOutProtection:
    """STM32F103 (PM0075 2.4.1): only RDP = 0xA5 with its complement is level 0, everything else is level 1. There is no level 2."""

    highest_level = 1
    deciding_bytes = (0, 2)

    def level(self, state: NonVolatile) -> int:
        """Return 0 or 1."""
        value, complement = state.option_bytes[0], state.option_bytes[1]
        return 0 if value == _RDP_UNPROTECTED and complement == value ^ 0xFF else 1

    def debugger_reads_flash(self, level: int) -> Access:
        """At level 1 a data read through JTAG or SWD is refused."""
        return Access.REFUSED if level else Access.DATA

    def debugger_uses_ram(self, level: int) -> Access:  # noqa: ARG002 -- no level of this chip protects RAM
        """Loading and reading RAM stays possible."""
        return Access.DATA

    def ram_code_reads_flash(self, level: int, *, connected: bool) -> Access:
        """While the debugger is connected, nothing reads a protected flash."""
        return Access.FAULT if level and connected else Access.DATA

    def flash_code_runs(self, level: int, *, connected: bool) -> Access:
        """User code reads a protected flash only where the debug mode is not active."""
        return Access.FAULT if level and connected else Access.DATA

    def debugger_erases(self, loaded: NonVolatile, group: int) -> Access:
        """Refused at level 1, and for a group whose WRP bit is 0 at any level."""
        byte, complement = loaded.option_bytes[_WRP_OFFSET + 2 * (group // 8) :][:2]
        is_protected = byte ^ complement == 0xFF and not byte >> group % 8 & 1
        return Access.REFUSED if self.level(loaded) or is_protected else Access.DATA

    def protect(self, state: NonVolatile, value: int, level: int) -> list[Change]:
        """Erase the block, program RDP, then all other bytes as they were."""
        return self._rewrite(state, bytes([value]) + state.option_bytes[2::2], level)

    def write_protect(self, state: NonVolatile, values: bytes, level: int) -> list[Change]:
        """Erase the block and program it again, with other WRP bytes: RDP goes first, so that its absence is short."""
        if len(values) != _WRP_BYTES:
            raise InputError(f"{len(values)} bytes of write protection", source="write-protect", field="bytes", remedy=f"Give {_WRP_BYTES}: WRP0 to WRP3.")
        return self._rewrite(state, state.option_bytes[0:_WRP_OFFSET:2] + values, level)

    def _rewrite(self, state: NonVolatile, values: bytes, level: int) -> list[Change]:
        """Whoever programs RDP = 0xA5 at level 1, whatever for, has the flash erased before (PM0075 2.4.1)."""
        erase = _whole(OperationKind.OPTION_ERASE, state, in_flash=False)
        mass_erase = [_whole(OperationKind.MASS_ERASE, state, in_flash=True)] if level and values[0] == _RDP_UNPROTECTED else []
        return [erase, *mass_erase, *(_option(2 * index, byte) for index, byte in enumerate(values))]

    def regress(self, state: NonVolatile, level: int) -> list[Change]:
        """Program RDP = 0xA5, which erases the flash at level 1; the other option bytes are put back."""
        return self.protect(state, _RDP_UNPROTECTED, level)


class AccessPortProtection:
    """nRF52840 (PS 4.5, 4.8.2, 6.x NVMC protection): UICR.APPROTECT other than 0xFF closes the access port, RAM included.

    This is the protection by hardware alone, of build codes before Fxx: later ones close the port after every reset unless software opens it.
    """

    highest_level = 1
    deciding_bytes = (_APPROTECT_OFFSET, _APPROTECT_OFFSET + 1)

    def level(self, state: NonVolatile) -> int:
        """Return 1 where the port is closed."""
        return 0 if state.option_bytes[_APPROTECT_OFFSET] == _APPROTECT_DISABLED else 1

    def debugger_reads_flash(self, level: int) -> Access:
        """A closed port reads nothing."""
        return Access.REFUSED if level else Access.DATA

    def debugger_uses_ram(self, level: int) -> Access:
        """RAM is behind the same port."""
        return Access.REFUSED if level else Access.DATA

    def ram_code_reads_flash(self, level: int, *, connected: bool) -> Access:  # noqa: ARG002 -- a closed port cannot connect
        """Nobody can put code in RAM through a closed port."""
        return Access.REFUSED if level else Access.DATA

    def flash_code_runs(self, level: int, *, connected: bool) -> Access:  # noqa: ARG002 -- the chip runs on
        """The port has no influence on what the core runs."""
        return Access.DATA

    def debugger_erases(self, loaded: NonVolatile, group: int) -> Access:  # noqa: ARG002 -- no page is protected for itself
        """A closed port erases no page; CTRL-AP ERASEALL is the regression."""
        return Access.REFUSED if self.level(loaded) else Access.DATA

    def write_protect(self, state: NonVolatile, values: bytes, level: int) -> list[Change]:  # noqa: ARG002 -- nothing to write
        """There is none that outlives a reset (PS, ACL)."""
        raise InputError("the chip has no write protection that outlives a reset", source="write-protect", remedy="Leave the action out.")

    def protect(self, state: NonVolatile, value: int, level: int) -> list[Change]:  # noqa: ARG002 -- the same at every level
        """Program the word in UICR: bits are only cleared."""
        old = state.option_bytes[_APPROTECT_OFFSET : _APPROTECT_OFFSET + 4]
        new = bytes([old[0] & value]) + old[1:]
        return [Change(OperationKind.OPTION_PROGRAM, in_flash=False, offset=_APPROTECT_OFFSET, old=old, new=new)]

    def regress(self, state: NonVolatile, level: int) -> list[Change]:  # noqa: ARG002 -- ERASEALL is the same at every level
        """CTRL-AP ERASEALL: UICR, then the flash, as the NVMC does. The manual gives no order; this one opens the port on a flash that is not erased."""
        return [_whole(OperationKind.OPTION_ERASE, state, in_flash=False), _whole(OperationKind.MASS_ERASE, state, in_flash=True)]


def protection_of(device: Device) -> Protection:
    """Return the rules of a device's debug port.

    Raises:
        InputError: there is no model of it.
    """
    if device.flash.controller == "fpec":
        return ReadOutProtection()
    if len(device.option_bytes.delivery_state.value) <= _APPROTECT_OFFSET:
        raise InputError(
            "its debug port is not modelled: its UICR has no APPROTECT", source=device.name, remedy="Choose a device that has a debugger scenario."
        )
    return AccessPortProtection()


class DebugPort:
    """A chip with a debug port: its state, its RAM, and whether a debugger was connected since the last power-on.

    Args:
        ram: what RAM holds.
    """

    def __init__(self, device: Device, state: NonVolatile, ram: bytes) -> None:
        self.protection = protection_of(device)
        self._device = device
        self._ram = bytearray(ram)
        self.state = state
        self._loaded = state
        self.level = self.protection.level(state)
        self.connected = False

    @property
    def ram(self) -> bytes:
        """What RAM holds."""
        return bytes(self._ram)

    def power_cycle(self, ram: bytes) -> None:
        """Load the protection anew; `ram` is what RAM holds then. The debugger is gone."""
        self._ram[:] = ram
        self._loaded = self.state
        self.level = self.protection.level(self.state)
        self.connected = False

    def connect(self) -> None:
        """Attach a debugger: it stays until power is lost."""
        self.connected = True

    def read_flash(self) -> Access:
        """Read through the debugger."""
        return self.protection.debugger_reads_flash(self.level)

    def resume(self) -> Access:
        """Let the core go on from flash."""
        return self.protection.flash_code_runs(self.level, connected=self.connected)

    def read_ram(self, address: int, size_bytes: int) -> tuple[Access, bytes]:
        """Read RAM through the debugger.

        Raises:
            InputError: the range is not RAM.
        """
        access = self.protection.debugger_uses_ram(self.level)
        start = self._ram_offset(address, size_bytes)
        return access, bytes(self._ram[start : start + size_bytes]) if access is Access.DATA else b""

    def write_ram(self, address: int, content: bytes) -> Access:
        """Write RAM through the debugger.

        Raises:
            InputError: the range is not RAM.
        """
        access = self.protection.debugger_uses_ram(self.level)
        start = self._ram_offset(address, len(content))
        if access is Access.DATA:
            self._ram[start : start + len(content)] = content
        return access

    def erase_page(self, address: int) -> Access:
        """Erase the page that holds `address`, through the debugger.

        Raises:
            InputError: the address is not in the flash.
        """
        flash = self._device.flash
        offset = address - flash.address.value
        if not 0 <= offset < len(self.state.flash):
            raise InputError(f"0x{address:08X} is not in the flash", source=self._device.name, remedy=f"It starts at 0x{flash.address.value:08X}.")
        page_bytes = flash.page_bytes.value
        pages_per_group = flash.write_protection_pages_per_bit.value if flash.write_protection_pages_per_bit else 1
        access = self.protection.debugger_erases(self._loaded, offset // page_bytes // pages_per_group)
        if access is Access.DATA:
            start = offset - offset % page_bytes
            old = self.state.flash[start : start + page_bytes]
            self.make([Change(OperationKind.PAGE_ERASE, in_flash=True, offset=start, old=old, new=b"\xff" * len(old))])
        return access

    def run_from_ram(self) -> Access:
        """Run code in RAM that reads the flash."""
        return self.protection.ram_code_reads_flash(self.level, connected=self.connected)

    def make(self, changes: Sequence[Change]) -> None:
        """Make changes; the protection follows at the next power-on."""
        for change in changes:
            self.state = change.applied_to(self.state)

    def _ram_offset(self, address: int, size_bytes: int) -> int:
        start = address - self._device.ram_address.value
        if start < 0 or start + size_bytes > len(self._ram):
            raise InputError(
                f"0x{address:08X}, {size_bytes} bytes, is not RAM", source=self._device.name, remedy=f"It starts at 0x{self._device.ram_address.value:08X}."
            )
        return start


def _option(offset: int, value: int) -> Change:
    return Change(OperationKind.OPTION_PROGRAM, in_flash=False, offset=offset, old=b"\xff\xff", new=bytes([value, value ^ 0xFF]))


def _whole(kind: OperationKind, state: NonVolatile, *, in_flash: bool) -> Change:
    old = state.flash if in_flash else state.option_bytes
    return Change(kind, in_flash=in_flash, offset=0, old=old, new=b"\xff" * len(old))
