"""XMODEM-CRC: the receiver in C and the sender of the harness, with each other over bad lines, and each with an implementation of somebody else's."""

from __future__ import annotations

import ctypes
import io
import queue
import random
import threading
from collections.abc import Callable
from enum import IntEnum

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.bundled import bundled_path
from harness.scenario.download.link import Link, LinkFaults
from harness.scenario.download.xmodem import BLOCK_BYTES, CAN, Transfer, XmodemSender, frame_block
from tests.firmware.host_build import HostCompiler, build_xmodem_library

FILE_BYTES_MAX = 40_960
LONG_MS = 3000
"""What the receiver waits for a block; anything shorter is a gap inside of one, or the silence before it speaks."""
SENDER_WAITS_MS = 15_000

Receive = Callable[[Callable[[int], int], Callable[[int], None]], tuple["End", bytes]]


class End(IntEnum):
    """`enum xmodem_end`."""

    RECEIVED = 0
    CANCELLED = 1
    SILENT = 2
    LOST = 3
    REFUSED = 4


@pytest.fixture(scope="session")
def receive(host_compiler: HostCompiler, tmp_path_factory: pytest.TempPathFactory) -> Receive:
    """The receiver: give it a line, get how the transfer ended and what was taken."""
    library = ctypes.CDLL(str(build_xmodem_library(host_compiler, bundled_path("firmware"), tmp_path_factory.mktemp("xmodem"))))
    receive_type, send_type = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_uint32), ctypes.CFUNCTYPE(None, ctypes.c_uint8)

    def run(receive_byte: Callable[[int], int], send_byte: Callable[[int], None]) -> tuple[End, bytes]:
        content = (ctypes.c_uint8 * FILE_BYTES_MAX)()
        count = ctypes.c_uint32()
        end = library.xmodem_line(receive_type(receive_byte), send_type(send_byte), content, FILE_BYTES_MAX, ctypes.byref(count))
        return End(end), bytes(content[: count.value])

    return run


class Line:
    """A line on which time passes only while nobody speaks."""

    def __init__(self, sender: XmodemSender, faults: LinkFaults) -> None:
        self.sender = sender
        self._to_device, self._from_device = Link(faults, "to"), Link(faults, "from")
        self._said = bytearray()
        self._waiting = bytearray()
        self._silent_ms = 0

    def send_byte(self, byte: int) -> None:
        """The receiver speaks."""
        self._said.append(byte)

    def receive_byte(self, milliseconds: int) -> int:
        """The receiver listens."""
        if not self._waiting and self._said:
            heard = self._from_device.carry(bytes(self._said))
            self._said.clear()
            self._waiting += self._to_device.carry(self.sender.receive(heard)) if heard else b""
        if not self._waiting:
            self._silent_ms += milliseconds
            if self._silent_ms >= SENDER_WAITS_MS:
                self._silent_ms = 0
                self._waiting += self._to_device.carry(self.sender.timeout())
        if not self._waiting:
            return -1
        self._silent_ms = 0
        return self._waiting.pop(0)


def content_of(size_bytes: int) -> bytes:
    """Return bytes to send."""
    return random.Random(size_bytes).randbytes(size_bytes)


def padded(content: bytes) -> bytes:
    """Return what arrives: whole blocks."""
    return content.ljust(-(-len(content) // BLOCK_BYTES) * BLOCK_BYTES, b"\x1a")


@pytest.mark.parametrize("size_bytes", [1, 127, 128, 129, 1000, 40_000])
def test_a_clean_line(receive: Receive, size_bytes: int) -> None:
    """Every block arrives once, block numbers wrap, and both sides know that it is over."""
    sender = XmodemSender(content_of(size_bytes))
    line = Line(sender, LinkFaults())
    assert receive(line.receive_byte, line.send_byte) == (End.RECEIVED, padded(content_of(size_bytes)))
    assert line.receive_byte(0) == -1
    assert sender.state is Transfer.DONE


PERCENT = st.integers(0, 20)


@settings(deadline=None, max_examples=60)
@given(PERCENT, PERCENT, PERCENT, PERCENT, st.integers(0, 2**32))
def test_a_bad_line(receive: Receive, drop: int, repeat: int, reorder: int, corrupt: int, seed: int) -> None:
    """A transfer over a line that loses, repeats, delays and damages gives the file or fails; what it gives is never anything but the file's beginning.

    All of it, unless transmissions are delayed: a late repeat is acknowledged, and the sender takes that for the block on its way.
    """
    content = content_of(1500)
    line = Line(XmodemSender(content), LinkFaults(drop, repeat, reorder, corrupt, seed))
    end, taken = receive(line.receive_byte, line.send_byte)
    assert padded(content).startswith(taken)
    if end is End.RECEIVED and not reorder:
        assert taken == padded(content)


def test_a_moderately_bad_line_is_survived(receive: Receive) -> None:
    """With one fault in ten transmissions, nineteen transfers in twenty complete at the first attempt."""
    ends = []
    for seed in range(100):
        line = Line(XmodemSender(content_of(2000)), LinkFaults(3, 3, 2, 2, seed))
        ends.append(receive(line.receive_byte, line.send_byte)[0])
    assert ends.count(End.RECEIVED) >= 95


STORIES: dict[str, tuple[list[bytes], End, int]] = {
    "nobody answers": ([], End.SILENT, 0),
    "a block out of sequence": ([frame_block(1, bytes(128)), frame_block(3, bytes(128))], End.LOST, 1),
    "a repeat before the first block": ([frame_block(0, bytes(128))], End.LOST, 0),
    "cancelled": ([frame_block(1, bytes(128)), CAN + CAN], End.CANCELLED, 1),
    "one CAN is damage": ([CAN, frame_block(1, bytes(128)), b"\x04", b"\x04"], End.RECEIVED, 1),
    "one EOT is damage": ([frame_block(1, bytes(128)), b"\x04", frame_block(2, bytes(128)), b"\x04", b"\x04"], End.RECEIVED, 2),
    "a wrong CRC": ([frame_block(1, bytes(128))[:-1] + b"\x01", frame_block(1, bytes(128)), b"\x04", b"\x04"], End.RECEIVED, 1),
    "a wrong complement": ([b"\x01\x01\x01" + frame_block(1, bytes(128))[3:], frame_block(1, bytes(128)), b"\x04", b"\x04"], End.RECEIVED, 1),
    "a block that breaks off": ([frame_block(1, bytes(128))[:50], frame_block(1, bytes(128)), b"\x04", b"\x04"], End.RECEIVED, 1),
    "more than there is room for": ([frame_block(number, bytes(128)) for number in range(1, 322)], End.REFUSED, 320),
    "a repeat is acknowledged and not taken": ([frame_block(1, bytes(128)), frame_block(1, bytes(128)), b"\x04", b"\x04"], End.RECEIVED, 1),
}


@pytest.mark.parametrize("story", STORIES)
def test_what_the_receiver_makes_of(receive: Receive, story: str) -> None:
    """What comes, transmission by transmission, ends the transfer as it should, with so many blocks taken."""
    transmissions, expected, blocks = STORIES[story]
    waiting = [bytearray(transmission) for transmission in transmissions]

    def receive_byte(milliseconds: int) -> int:
        if waiting and not waiting[0]:
            waiting.pop(0)
            return -1  # the gap behind each transmission
        return waiting[0].pop(0) if waiting and (milliseconds >= LONG_MS or len(waiting[0]) < 133) else -1

    end, taken = receive(receive_byte, lambda _byte: None)
    assert (end, len(taken)) == (expected, blocks * BLOCK_BYTES)


class Pipe:
    """Two queues between threads, as a serial port between programs."""

    def __init__(self) -> None:
        self.to_receiver: queue.Queue[int] = queue.Queue()
        self.to_sender: queue.Queue[int] = queue.Queue()


def read_from(source: queue.Queue[int], size: int, timeout_s: float) -> bytes | None:
    """Return `size` bytes, None where they do not come in time."""
    try:
        return bytes(source.get(timeout=timeout_s) for _ in range(size))
    except queue.Empty:
        return None


def put_all(target: queue.Queue[int], data: bytes) -> int:
    """Put bytes one by one."""
    for byte in data:
        target.put(byte)
    return len(data)


def test_our_receiver_takes_a_file_from_another_sender(receive: Receive) -> None:
    """The sender of the package `xmodem`, unmodified, delivers to the receiver in C."""
    xmodem = pytest.importorskip("xmodem", reason="the package xmodem is not installed")
    content, pipe, results = content_of(3000), Pipe(), []

    def get(size: int, timeout: float = 1) -> bytes | None:
        return read_from(pipe.to_sender, size, timeout)

    def put(data: bytes, timeout: float = 1) -> int:
        del timeout
        return put_all(pipe.to_receiver, data)

    other = xmodem.XMODEM(get, put)
    thread = threading.Thread(target=lambda: results.append(other.send(io.BytesIO(content), retry=5, timeout=20)))
    thread.start()

    def receive_byte(milliseconds: int) -> int:
        received = read_from(pipe.to_receiver, 1, milliseconds / 1000)
        return received[0] if received else -1

    try:
        assert receive(receive_byte, pipe.to_sender.put) == (End.RECEIVED, padded(content))
    finally:
        put_all(pipe.to_sender, CAN + CAN)
        thread.join()
    assert results == [True]


def test_another_receiver_takes_a_file_from_our_sender() -> None:
    """The receiver of the package `xmodem`, unmodified, takes what the harness's host sends."""
    xmodem = pytest.importorskip("xmodem", reason="the package xmodem is not installed")
    content = content_of(3000)
    sender, waiting, taken = XmodemSender(content), bytearray(), io.BytesIO()

    def get(size: int, timeout: float = 1) -> bytes | None:
        del timeout
        if len(waiting) < size:
            return None
        found = bytes(waiting[:size])
        del waiting[:size]
        return found

    def put(data: bytes, timeout: float = 1) -> int:
        del timeout
        waiting.extend(sender.receive(data))
        return len(data)

    count = xmodem.XMODEM(get, put).recv(taken, crc_mode=1, retry=3, timeout=1, delay=0)
    assert (count, taken.getvalue(), sender.state) == (len(padded(content)), padded(content), Transfer.DONE)


def test_a_stuck_receiver_is_given_up() -> None:
    """A sender whose block is refused again and again cancels, and says no more."""
    sender = XmodemSender(b"x")
    assert sender.receive(b"C") == frame_block(1, b"x".ljust(128, b"\x1a"))
    assert [sender.receive(b"\x15") for _ in range(10)][-1] == CAN + CAN
    assert (sender.state, sender.receive(b"\x06"), sender.timeout()) == (Transfer.FAILED, b"", b"")


def test_a_line_is_the_same_for_the_same_seed() -> None:
    """Faults are drawn by seed and direction; every kind happens, and nothing else."""
    sent = [bytes([number]) * 3 for number in range(200)]

    def carried(seed: int, direction: str) -> list[bytes]:
        link = Link(LinkFaults(20, 20, 20, 20, seed), direction)
        return [link.carry(transmission) for transmission in sent]

    assert carried(1, "a") == carried(1, "a")
    assert carried(1, "a") != carried(1, "b")
    assert carried(1, "a") != carried(2, "a")
    clean = Link(LinkFaults(), "a")
    assert [clean.carry(transmission) for transmission in sent] == sent
