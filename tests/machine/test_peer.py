"""A peer at the other end of the UART: what it hears, when, and that a boot stays a function of its arguments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from harness.device import NonVolatile, load_device
from harness.errors import InputError
from harness.machine.capability import refuse_peer
from harness.machine.embedded import EmbeddedMachine
from harness.machine.engines import share_boots
from harness.machine.protocol import End, Trace
from harness.machine.sharing import SharingMachine

from .firmware import FLASH, SCRIPT, compile_program, make_machine
from .nrf52840 import FLASH_BYTES, make_nrf_machine

PAUSE_US = 250_000


@dataclass
class Speaker:
    """Begins after a pause; then answers whatever it hears with the next of its sentences, until it has none left."""

    sentences: list[bytes]
    heard: list[bytes]
    timeout_us: int | None = PAUSE_US

    def receive(self, sent: bytes) -> bytes:
        """Note what was sent, and answer."""
        self.heard.append(sent)
        return self._next()

    def timeout(self) -> bytes:
        """Begin, or go on where no echo came."""
        self.heard.append(b"")
        return self._next()

    def _next(self) -> bytes:
        if not self.sentences:
            self.timeout_us = None
            return b""
        return self.sentences.pop(0)


@dataclass
class Speakers:
    """Makes them, and keeps what the last one heard."""

    sentences: Sequence[bytes]
    heard: list[bytes] = field(default_factory=list)

    @property
    def identity(self) -> bytes:
        """What they say is all that tells them apart."""
        return repr(self.sentences).encode()

    def make(self) -> Speaker:
        """Return one that has said nothing yet."""
        self.heard = []
        return Speaker(list(self.sentences), self.heard)


def boot_f103(program: str, peer: Speakers, patches: dict[int, bytes] | None = None, uart_input: bytes = b"") -> Trace:
    """Boot a program of the STM32F103 with a peer."""
    flash = compile_program(program).flash(patches=patches)
    return make_machine().boot(NonVolatile(flash), seed=1, instruction_budget=1_000_000, peer=peer, uart_input=uart_input)


def boot_nrf(program: str, peer: Speakers) -> Trace:
    """Boot a program of the nRF52840 with a peer."""
    return make_nrf_machine().boot(NonVolatile(compile_program(program, "nrf52840").flash(FLASH_BYTES)), seed=1, instruction_budget=1_000_000, peer=peer)


def boot_polled(peer: Speakers, uart_input: bytes = b"") -> Trace:
    """Boot the loop that polls, and echoes until a full stop."""
    return boot_f103("waiting.c", peer, {SCRIPT: b"\x09"}, uart_input)


SENTENCES = (b"abcd", b"efgh", b"ijkl")


@pytest.mark.parametrize("program", ["polled", "by interrupt", "nRF, polled", "nRF, EasyDMA and interrupt"])
def test_a_conversation(program: str) -> None:
    """The peer begins after its pause, hears each sentence's echo as a whole, and answers with the next one; then both wait for ever."""
    peer = Speakers(SENTENCES)
    match program:
        case "polled":
            trace, shift, end = boot_polled(peer), 0, End.WAITING
        case "by interrupt":
            peer = Speakers((b"a", b"b", b"c"))
            trace, shift, end = boot_f103("usart.c", peer), 0, End.SLEEPING
        case "nRF, polled":
            trace, shift, end = boot_nrf("echo.c", peer), 1, End.WAITING
        case _:
            trace, shift, end = boot_nrf("uarte.c", peer), 0, End.SLEEPING
    echoes = [bytes(byte + shift for byte in sentence) for sentence in peer.sentences]
    assert trace.end is end
    if program == "by interrupt":  # it says hello before it listens, and N at last
        assert (trace.uart, peer.heard) == (b"hello, abcN", [b"hello, ", b"a", b"b", b"cN"])
    else:
        assert (trace.uart, peer.heard) == (b"".join(echoes), [b"", *echoes])
        assert trace.time_ps > PAUSE_US * 1_000_000


def test_a_pause_is_time_and_costs_nothing() -> None:
    """A hundred pauses of a quarter of a second pass on the device's clock, and are not executed."""
    peer = Speakers([b""] * 100 + [b"x."])
    trace = boot_polled(peer)
    assert (trace.uart, trace.end, peer.heard) == (b"x.", End.SLEEPING, [b""] * 101 + [b"x."])
    assert 101 * PAUSE_US <= trace.time_ps / 1_000_000 < 101 * PAUSE_US + 1_000
    assert trace.instructions < 20_000


def test_a_silent_peer_is_nobody() -> None:
    """Without a timeout, and with nothing to say, the boot is what it is without a peer."""
    peer = Speakers(())
    flash = NonVolatile(compile_program("waiting.c").flash(patches={SCRIPT: b"\x09"}))
    alone = make_machine().boot(flash, seed=1, instruction_budget=1_000_000)
    beside = boot_polled(peer)
    assert (beside.end, beside.uart, beside.final) == (alone.end, alone.uart, alone.final)
    assert peer.heard == [b""]


def test_input_comes_before_the_peer() -> None:
    """What the host sends from reset on arrives first."""
    peer = Speakers((b"!.",))
    assert boot_polled(peer, b"first ").uart == b"first !."
    assert peer.heard == [b"first ", b"!."]


def test_equal_peers_give_equal_boots_and_others_do_not() -> None:
    """A boot is a function of what the peer says too, also on a machine that booted something else in between."""
    first = boot_polled(Speakers(SENTENCES))
    other = boot_polled(Speakers((b"xyz",)))
    again = boot_polled(Speakers(SENTENCES))
    assert first == again
    assert (first.uart, other.uart) != (other.uart, first.uart)


def test_a_watchdog_runs_on_while_the_peer_is_silent() -> None:
    """A firmware that feeds its watchdog while it polls is executed all the time; one that does not is reset."""
    fed = boot_f103("waiting.c", Speakers((b"x",)), {SCRIPT: b"\x01"})
    starved = boot_f103("waiting.c", Speakers((b"x",)), {SCRIPT: b"\x06"})
    assert (fed.end, fed.instructions > 100_000) == (End.BUDGET, True)
    assert starved.end is End.WATCHDOG


def test_what_a_peer_raises_comes_out_of_the_boot() -> None:
    """Nothing is swallowed on the way through the core, and the machine boots on."""

    class Broken(Speaker):
        def timeout(self) -> bytes:
            raise LookupError("no sentence")

    class Breaking(Speakers):
        def make(self) -> Speaker:
            return Broken([], [])

    with pytest.raises(LookupError, match="no sentence"):
        boot_polled(Breaking(()))
    assert boot_polled(Speakers((b".",))).uart == b"."


def test_boots_are_shared_with_equal_peers_only() -> None:
    """The peer's identity is part of what a boot depends on, and a shared boot is what a boot of its own would have been."""
    machine = share_boots(make_machine(), load_device("stm32f103"), "c8", ())
    assert isinstance(machine, SharingMachine)
    program = compile_program("waiting.c")
    states = [NonVolatile(program.flash(patches={SCRIPT: b"\x09", FLASH + 0x8000: noise})) for noise in (b"one", b"two")]

    def boot(boots: SharingMachine | EmbeddedMachine, state: NonVolatile, sentences: Sequence[bytes]) -> tuple[object, ...]:
        trace = boots.boot(state, seed=3, instruction_budget=1_000_000, peer=Speakers(sentences) if sentences else None)
        return trace.end, trace.uart, trace.final, trace.time_ps, trace.instructions, trace.pc

    for sentences in (SENTENCES, (b"x",), ()):
        for state in states:
            assert boot(machine, state, sentences) == boot(make_machine(), state, sentences)
    assert (machine.boots_made, machine.boots_shared) == (3, 3)


def test_an_engine_without_a_peer_says_so() -> None:
    """One message, with what to take instead; without a peer nothing is said."""
    refuse_peer("qemu", None)
    with pytest.raises(InputError, match="the qemu engine connects no host to the UART"):
        refuse_peer("qemu", Speakers(()))
