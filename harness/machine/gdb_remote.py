"""A client of the gdb remote serial protocol: memory, registers, watchpoints, one stop at a time. It knows no emulator."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from harness.errors import EngineError

_INTERRUPT = b"\x03"
_XPSR = 25
"""Its number in the register set of an M-profile core."""
_REGISTERS = 16
_BATCH = 8
"""Large packets that are sent at once: their answers must fit in a socket's buffer."""


class Channel(Protocol):
    """Bytes to and from the stub."""

    def send(self, content: bytes) -> None:
        """Send all of it."""
        ...

    def receive(self, timeout_seconds: float) -> bytes:
        """Return what arrived; b"" if nothing did in time."""
        ...


class GdbRemote:
    """One connection to a stub that has the core stopped.

    Args:
        channel: its bytes.
        reply_seconds: how long an answer may take that does not wait for the core.
    """

    def __init__(self, channel: Channel, reply_seconds: float = 30.0) -> None:
        self._channel = channel
        self._reply_seconds = reply_seconds
        self._received = bytearray()
        self._acknowledgement = b""
        self._chunk_bytes = 512
        for feature in self.command("qSupported:xmlRegisters=arm").split(";"):
            if feature.startswith("PacketSize="):
                self._chunk_bytes = int(feature.removeprefix("PacketSize="), 16) // 2 - 32
        # Registers can be written one by one only after their description was read.
        self.command("qXfer:features:read:target.xml:0,ffb")

    def command(self, text: str) -> str:
        """Send a command and return its answer.

        Raises:
            EngineError: there is none.
        """
        (answer,) = self.commands([text])
        return answer

    def commands(self, texts: Sequence[str]) -> list[str]:
        """Send commands at once and return their answers: most of the time goes into waiting. Only the last may let the core run.

        Raises:
            EngineError: one is not answered.
        """
        self._send(*texts)
        answers = []
        for text in texts:
            answer = self._packet(self._reply_seconds)
            if answer is None:
                raise EngineError(f"the gdb stub does not answer {text[:32]!r}")
            answers.append(answer)
        return answers

    def monitor(self, text: str) -> None:
        """Give the emulator a command of its own."""
        self._expect_ok(f"qRcmd,{text.encode().hex()}")

    def read(self, address: int, size_bytes: int) -> bytes:
        """Return memory as the core would read it.

        Raises:
            EngineError: the stub refuses.
        """
        content = bytearray()
        places = range(address, address + size_bytes, self._chunk_bytes)
        for first in range(0, len(places), _BATCH):
            batch = places[first : first + _BATCH]
            content += b"".join(map(_bytes_of, self.commands([f"m{place:x},{min(self._chunk_bytes, places.stop - place):x}" for place in batch])))
        return bytes(content)

    def read_word(self, address: int) -> int:
        """Return one word of memory."""
        return int.from_bytes(self.read(address, 4), "little")

    def write(self, address: int, content: bytes) -> None:
        """Write memory, flash too, past its controller."""
        chunks = [(address + start, content[start : start + self._chunk_bytes]) for start in range(0, len(content), self._chunk_bytes)]
        for first in range(0, len(chunks), _BATCH):
            self._expect_ok(*(f"M{place:x},{len(chunk):x}:{chunk.hex()}" for place, chunk in chunks[first : first + _BATCH]))

    def registers(self) -> tuple[int, ...]:
        """Return r0 to r15 and xPSR."""
        answer = bytes.fromhex(self.command("g"))
        return struct.unpack_from(f"<{_REGISTERS + 1}I", answer)

    def write_registers(self, values: Mapping[int, int]) -> None:
        """Set some of r0 to r15; 16 is xPSR."""
        numbers = {number: _XPSR if number == _REGISTERS else number for number in values}
        self._expect_ok(*(f"P{numbers[number]:x}={value.to_bytes(4, 'little').hex()}" for number, value in values.items()))

    def watch_writes(self, spans: Sequence[range]) -> None:
        """Stop the core before each store to one of these ranges."""
        self._expect_ok(*(_watch("Z", span) for span in spans))

    def unwatch_writes(self, spans: Sequence[range]) -> None:
        """Let stores to these ranges pass again."""
        self._expect_ok(*(_watch("z", span) for span in spans))

    def change_breakpoints(self, add: Iterable[int], remove: Iterable[int]) -> None:
        """Stop the core before the instructions at some addresses, and no longer at others."""
        commands = [f"Z0,{address:x},2" for address in add] + [f"z0,{address:x},2" for address in remove]
        if commands:
            self._expect_ok(*commands)

    def step_unwatched(self, spans: Sequence[range], looked_at: Sequence[range]) -> tuple[str, list[bytes], list[bytes]]:
        """Execute one instruction that may store to watched ranges.

        Args:
            looked_at: memory to read before and after it.

        Returns:
            The stop, and what the memory held before and after.
        """
        large = any(len(span) > self._chunk_bytes for span in looked_at)
        before = [self.read(span.start, len(span)) for span in looked_at] if large else []
        reads = [] if large else [f"m{span.start:x},{len(span):x}" for span in looked_at]
        *answers, stop = self.commands([*reads, *(_watch("z", span) for span in spans), "s"])
        if stop[0] in "WX":
            return stop, [], []
        later = self.commands([*(_watch("Z", span) for span in spans), *reads])
        if any(answer != "OK" for answer in [*answers[len(reads) :], *later[: len(spans)]]):
            raise EngineError("the gdb stub refuses to move a watchpoint")
        if large:
            return stop, before, [self.read(span.start, len(span)) for span in looked_at]
        return stop, list(map(_bytes_of, answers[: len(reads)])), list(map(_bytes_of, later[len(spans) :]))

    def step(self) -> str:
        """Execute one instruction and return the stop."""
        return self.command("s")

    def resume(self) -> None:
        """Let the core run; `wait` for it next."""
        self._send("c")

    def wait(self, timeout_seconds: float) -> str | None:
        """Return why the core stopped; None if it still runs."""
        return self._packet(timeout_seconds)

    def interrupt(self) -> str:
        """Stop the core that runs and return the stop, which may be another one that came first."""
        self._channel.send(self._acknowledgement + _INTERRUPT)
        self._acknowledgement = b""
        stop = self._packet(self._reply_seconds)
        if stop is None:
            raise EngineError("the gdb stub does not stop the core")
        return stop

    def _expect_ok(self, *texts: str) -> None:
        for text, answer in zip(texts, self.commands(texts), strict=True):
            if answer != "OK":
                raise EngineError(f"the gdb stub refuses {text[:32]!r}: {answer!r}")

    def _send(self, *texts: str) -> None:
        packets = (b"$%b#%02x" % (text.encode(), sum(text.encode()) & 0xFF) for text in texts)
        self._channel.send(self._acknowledgement + b"".join(packets))
        self._acknowledgement = b""

    def _packet(self, timeout_seconds: float) -> str | None:
        while True:
            start = self._received.find(b"$")
            end = self._received.find(b"#", start)
            if 0 <= start < end and len(self._received) >= end + 3:
                packet = self._received[start + 1 : end].decode("ascii", "replace")
                del self._received[: end + 3]
                self._acknowledgement += b"+"  # goes with what is sent next
                return packet
            arrived = self._channel.receive(timeout_seconds)
            if not arrived:
                return None
            self._received += arrived


def _watch(command: str, span: range) -> str:
    return f"{command}2,{span.start:x},{len(span):x}"


def _bytes_of(answer: str) -> bytes:
    try:
        return bytes.fromhex(answer)
    except ValueError:
        raise EngineError(f"the gdb stub refuses to read memory: {answer!r}") from None
