"""A server of the gdb remote serial protocol for one Cortex-M core, on the loopback interface alone. It knows no emulator.

The stub for Unicorn on PyPI, udbserver, takes a bare Unicorn and a port: it knows neither exceptions, resets and flash of our core nor an address to bind to,
and would serve one engine. This one serves all.

Source: GDB manual, appendix E "Remote Protocol", and G.5.3 "ARM Features".
"""

from __future__ import annotations

import contextlib
import re
import select
import socket
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from harness.errors import InputError
from harness.machine.debuggee import REGISTERS

LOOPBACK = "127.0.0.1"
_PACKET_BYTES = 0x1000
_INTERRUPT = 0x03
_READ_BYTES_MOST = (_PACKET_BYTES - 8) // 2
_WORD_BYTES = 4
_KINDS_OF_BREAKPOINT = ("0", "1")
"""In software and in hardware, which is the same here."""
_WRITE_WATCHPOINT = "2"

_REGISTER_NAMES = (*(f"r{number}" for number in range(13)), "sp", "lr", "pc", "xpsr")
_REGISTER_TYPES = {"sp": "data_ptr", "pc": "code_ptr"}
_TARGET = (
    '<?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd"><target version="1.0"><architecture>arm</architecture>'
    '<feature name="org.gnu.gdb.arm.m-profile">'
    + "".join(f'<reg name="{name}" bitsize="32" type="{_REGISTER_TYPES.get(name, "int")}"/>' for name in _REGISTER_NAMES)
    + "</feature></target>"
)


class Signal(IntEnum):
    """gdb's own numbers of signals (include/gdb/signals.def), which are not those of the host."""

    INTERRUPTED = 2
    TRAP = 5
    STOPPED = 17
    POWER = 32


@dataclass(frozen=True, slots=True)
class Stop:
    """Why the core stands still.

    Attributes:
        signal: what gdb shows; None: the program has exited.
        remark: one line for gdb's console, may be "".
        watched: the address of watched memory that was the cause; None: it was not.
    """

    signal: Signal | None
    remark: str = ""
    watched: int | None = None


class GdbTarget(Protocol):
    """What the server serves; the methods are those of `Debuggee`, but for the stops."""

    def registers(self) -> tuple[int, ...]:
        """Return r0 to r15 and xPSR."""
        ...

    def write_register(self, number: int, value: int) -> None:
        """Set a register."""
        ...

    def read(self, address: int, size_bytes: int) -> bytes | None:
        """Return memory; None where there is none."""
        ...

    def write(self, address: int, content: bytes) -> bool:
        """Write RAM; false elsewhere."""
        ...

    def set_breakpoints(self, addresses: AbstractSet[int]) -> bool:
        """Replace the breakpoints; false where they are too many."""
        ...

    def set_watchpoints(self, watched: Sequence[range]) -> bool:
        """Replace the watchpoints; false where there can't be such."""
        ...

    def step(self) -> Stop:
        """Run one instruction."""
        ...

    def run(self, interrupted: Callable[[], bool]) -> Stop:
        """Run until something halts the core."""
        ...


class GdbServer:
    """Listens on a port of 127.0.0.1, and serves one debugger.

    Args:
        port: 0: any that is free.

    Raises:
        InputError: the port is taken, or not ours to take.
    """

    def __init__(self, port: int) -> None:
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._listener.bind((LOOPBACK, port))
            self._listener.listen(1)
        except OSError as error:
            self._listener.close()
            raise InputError(f"port {port} can't be used: {error.strerror}", source="--gdb", remedy="Name another one, or 0 for any that is free.") from None

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._listener.getsockname()[1])

    def serve(self, target: GdbTarget) -> None:
        """Wait for a debugger and serve it until it detaches, kills the target, or goes away."""
        connection, _ = self._listener.accept()
        with connection, contextlib.suppress(ConnectionError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _Session(connection, target).serve()

    def close(self) -> None:
        """Stop listening."""
        self._listener.close()


class _Session:
    """One debugger's connection."""

    def __init__(self, connection: socket.socket, target: GdbTarget) -> None:
        self._connection = connection
        self._target = target
        self._received = bytearray()
        self._acknowledges = True
        self._open = True
        self._breakpoints: set[int] = set()
        self._watchpoints: list[range] = []
        self._last = "S05"

    def serve(self) -> None:
        """Answer packets until the debugger has had enough."""
        while self._open and (packet := self._next_packet()) is not None:
            answer = self._answer(packet)
            if answer is not None:
                self._send(answer)

    def _next_packet(self) -> str | None:
        while True:
            start, end = self._received.find(b"$"), self._received.find(b"#")
            if 0 <= start < end and len(self._received) >= end + 3:
                body = bytes(self._received[start + 1 : end])
                checksum = bytes(self._received[end + 1 : end + 3])
                del self._received[: end + 3]
                if not self._acknowledges:
                    return body.decode("latin-1")
                intact = checksum.lower() == b"%02x" % (sum(body) & 0xFF)
                self._connection.sendall(b"+" if intact else b"-")
                if intact:
                    return body.decode("latin-1")
            elif not self._receive():
                return None

    def _receive(self) -> bool:
        arrived = self._connection.recv(_PACKET_BYTES)
        self._received += arrived
        return bool(arrived)

    def _send(self, text: str) -> None:
        body = text.encode("latin-1")
        self._connection.sendall(b"$%b#%02x" % (body, sum(body) & 0xFF))

    def _interrupted(self) -> bool:
        """Whether gdb's user pressed Ctrl-C, or gdb went away."""
        if select.select([self._connection], [], [], 0)[0] and not self._receive():
            self._open = False
            return True
        if _INTERRUPT in self._received:
            self._received.remove(_INTERRUPT)
            return True
        return False

    def _answer(self, packet: str) -> str | None:
        """Return the answer to a packet; "" for one that is not known, None where none is due."""
        name, rest = packet[:1], packet[1:]
        if name in ("q", "Q", "v"):
            name = re.split("[:;,]", packet, maxsplit=1)[0]
            rest = packet[len(name) + 1 :]
        command = _COMMANDS.get(name)
        try:
            return command(self, rest) if command else ""
        except (ValueError, IndexError):
            return "E22"

    def take_features(self, _: str) -> str:
        return f"PacketSize={_PACKET_BYTES:x};qXfer:features:read+;QStartNoAckMode+;vContSupported+"

    def stop_acknowledging(self, _: str) -> None:
        self._send("OK")
        self._acknowledges = False

    def describe_target(self, rest: str) -> str:
        if not rest.startswith("features:read:target.xml:"):
            return ""
        offset, length = _numbers(rest.rsplit(":", 1)[1])
        return ("l" if offset + length >= len(_TARGET) else "m") + _TARGET[offset : offset + length]

    def tell_why(self, _: str) -> str:
        return self._last

    def read_registers(self, _: str) -> str:
        return _hex_of(self._target.registers())

    def read_register(self, rest: str) -> str:
        number = int(rest, 16)
        return _hex_of(self._target.registers()[number : number + 1]) if number < REGISTERS else "E01"

    def write_registers(self, rest: str) -> str:
        content = bytes.fromhex(rest)
        for number in range(min(REGISTERS, len(content) // _WORD_BYTES)):
            self._target.write_register(number, int.from_bytes(content[_WORD_BYTES * number : _WORD_BYTES * (number + 1)], "little"))
        return "OK"

    def write_register(self, rest: str) -> str:
        number, value = rest.split("=")
        if int(number, 16) >= REGISTERS:
            return "E01"
        self._target.write_register(int(number, 16), int.from_bytes(bytes.fromhex(value), "little"))
        return "OK"

    def read_memory(self, rest: str) -> str:
        address, size_bytes = _numbers(rest)
        content = self._target.read(address, min(size_bytes, _READ_BYTES_MOST))
        return "E14" if content is None else content.hex()

    def write_memory(self, rest: str) -> str:
        place, content = rest.split(":")
        return "OK" if self._target.write(_numbers(place)[0], bytes.fromhex(content)) else "E01"

    def set_breakpoint(self, rest: str) -> str:
        kind, span = _place_of(rest)
        if kind == _WRITE_WATCHPOINT:
            return self._watch([*self._watchpoints, span])
        return self._break_at(self._breakpoints | {span.start}) if kind in _KINDS_OF_BREAKPOINT else ""

    def remove_breakpoint(self, rest: str) -> str:
        kind, span = _place_of(rest)
        if kind == _WRITE_WATCHPOINT:
            return self._watch([watched for watched in self._watchpoints if watched != span])
        return self._break_at(self._breakpoints - {span.start}) if kind in _KINDS_OF_BREAKPOINT else ""

    def _break_at(self, wanted: set[int]) -> str:
        if not self._target.set_breakpoints(wanted):
            return "E28"
        self._breakpoints = wanted
        return "OK"

    def _watch(self, wanted: list[range]) -> str:
        if not self._target.set_watchpoints(wanted):
            return ""
        self._watchpoints = wanted
        return "OK"

    def step(self, rest: str) -> str | None:
        return "E22" if rest else self._tell(self._target.step())  # gdb sets the program counter, and gives no address

    def go_on(self, rest: str) -> str | None:
        return "E22" if rest else self._tell(self._target.run(self._interrupted))

    def go(self, rest: str) -> str | None:
        return self.step("") if rest[:1] in ("s", "S") else self.go_on("")

    def _tell(self, stop: Stop) -> str | None:
        if not self._open:
            return None
        if stop.remark:
            self._send("O" + f"{stop.remark}\n".encode().hex())
        self._last = "W00" if stop.signal is None else f"S{stop.signal:02x}"
        if stop.watched is not None:
            self._last = f"T{Signal.TRAP:02x}watch:{stop.watched:x};"
        return self._last

    def end(self, _: str) -> str:
        self._open = False
        return "OK"


_COMMANDS: dict[str, Callable[[_Session, str], str | None]] = {
    "?": _Session.tell_why,
    "g": _Session.read_registers,
    "G": _Session.write_registers,
    "p": _Session.read_register,
    "P": _Session.write_register,
    "m": _Session.read_memory,
    "M": _Session.write_memory,
    "Z": _Session.set_breakpoint,
    "z": _Session.remove_breakpoint,
    "s": _Session.step,
    "c": _Session.go_on,
    "D": _Session.end,
    "k": _Session.end,
    "H": lambda *_: "OK",
    "T": lambda *_: "OK",
    "qSupported": _Session.take_features,
    "QStartNoAckMode": _Session.stop_acknowledging,
    "qXfer": _Session.describe_target,
    "qAttached": lambda *_: "1",
    "qC": lambda *_: "QC1",
    "qfThreadInfo": lambda *_: "m1",
    "qsThreadInfo": lambda *_: "l",
    "vCont": _Session.go,
    "vCont?": lambda *_: "vCont;c;C;s;S",
    "vKill": _Session.end,
}
"""What is answered, by command; to any other the answer is empty, by which gdb knows that it must do without."""


def _numbers(text: str) -> tuple[int, int]:
    address, size_bytes = text.split(",")
    return int(address, 16), int(size_bytes, 16)


def _place_of(rest: str) -> tuple[str, range]:
    """Return the kind of a breakpoint or watchpoint, and the addresses that it is about."""
    kind, place, size_bytes = rest.split(",")
    return kind, range(int(place, 16), int(place, 16) + int(size_bytes, 16))


def _hex_of(values: tuple[int, ...]) -> str:
    return b"".join(value.to_bytes(_WORD_BYTES, "little") for value in values).hex()
