"""A replay at a debugger: a plain client of the gdb remote protocol over a socket, on real boots."""

from __future__ import annotations

import os
import re
import select
import shlex
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.campaign.held_run import HeldRun
from harness.campaign.replay import Replay, replay
from harness.cli import run_cli
from harness.errors import ExitCode
from harness.fault.replay_id import parse_replay_id
from harness.machine.engines import make_debuggee, probe_engine
from harness.machine.gdb_remote import GdbRemote
from harness.machine.gdb_server import LOOPBACK, GdbServer
from harness.machine.protocol import Operation
from harness.scenario.prepare import PrepareOptions, prepare
from harness.scenario.prepared import PreparedScenario

PC = 15
CUTS = {
    "stm32f103, a half-word": ("embedded", "stm32f103/speck-full", "update:100some"),
    "stm32f103, the first operation": ("embedded", "stm32f103/speck-full", "update:0all"),
    "nrf52840, a cut in the recovery": ("embedded", "nrf52840/speck-full", "update:7some/0most"),
    "nrf51822 on QEMU": ("qemu", "nrf51822/speck-full", "update:100some"),
    "stm32f103 on Renode": ("renode", "stm32f103/speck-full", "update:100some"),
    "nrf52840 on Renode, an erase in the recovery": ("renode", "nrf52840/speck-full", "update:7some/0most"),
}
FIRST = next(iter(CUTS))
GDB = shutil.which("gdb-multiarch")


class SocketChannel:
    """The bytes of a TCP connection."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection((LOOPBACK, port))

    def send(self, content: bytes) -> None:
        """Send all of it."""
        self.socket.sendall(content)

    def receive(self, timeout_seconds: float) -> bytes:
        """Return what arrived; b"" if nothing did in time."""
        return self.socket.recv(4096) if select.select([self.socket], [], [], timeout_seconds)[0] else b""


class Session:
    """A held run that is served, and a client of it."""

    def __init__(self, scenario: PreparedScenario, result: Replay, engine: str) -> None:
        self.scenario = scenario
        self.result = result
        self.held = HeldRun(result, 1, make_debuggee(engine, scenario.device, scenario.part, scenario.domains, scenario.timing))
        self.server = GdbServer(0)
        self.thread = threading.Thread(target=self.server.serve, args=(self.held,))
        self.thread.start()
        self.channel = SocketChannel(self.server.port)
        self.gdb = GdbRemote(self.channel)

    @property
    def operation(self) -> Operation:
        """The operation that the last fault cuts."""
        *_, (log, proof) = self.result.cuts
        return log.boots[proof.fault.boot].operations[proof.fault.operation]

    def stop(self) -> tuple[str, str]:
        """Return what the server told on the console, and the stop that followed."""
        told = ""
        while True:
            answer = self.gdb.wait(60) or ""
            if not answer.startswith("O"):
                return told, answer
            told += bytes.fromhex(answer[1:]).decode()

    def close(self) -> None:
        """Go away, and wait until the server has seen it."""
        self.channel.socket.close()
        self.thread.join()
        self.server.close()
        self.held.close()


@contextmanager
def served(name: str) -> Iterator[Session]:
    """Serve one of the cuts."""
    with serving(*CUTS[name]) as session:
        yield session


@contextmanager
def serving(engine: str, reference: str, cut: str) -> Iterator[Session]:
    """Serve a cut."""
    probe = probe_engine(engine)
    if not probe.usable:
        pytest.skip(f"engine {engine} is not usable here: the first lines say why")
    scenario = prepare(reference, PrepareOptions())
    session = Session(scenario, replay(scenario, parse_replay_id(f"{reference}:{cut}:1:{scenario.fingerprint}"), engine), engine)
    try:
        yield session
    finally:
        session.close()


@pytest.mark.parametrize("name", CUTS)
def test_held_before_the_operation_then_power_is_lost(name: str) -> None:
    """The cells are old, going on loses power, and the flash is what the cut left, with the core at its reset."""
    with served(name) as session:
        operation = session.operation
        assert session.gdb.registers()[PC] == operation.pc
        assert session.gdb.read(operation.address, operation.size_bytes) == operation.old
        session.gdb.resume()
        told, stop = session.stop()
        assert stop == "S20"
        assert f"Power is lost: operation {operation.index}" in told
        start = session.result.run.start.flash
        assert session.gdb.read(session.scenario.flash_address, len(start)) == start
        assert session.gdb.registers()[PC] == int.from_bytes(start[4:8], "little") & ~1


@pytest.mark.parametrize("name", [name for name, (engine, _, _) in CUTS.items() if engine != "embedded"])
def test_engines_show_the_same_registers(name: str) -> None:
    """At the hold every register is that of the embedded engine, what still is noise included."""
    _, reference, cut = CUTS[name]
    with served(name) as session, serving("embedded", reference, cut) as embedded:
        assert session.gdb.registers() == embedded.gdb.registers()


def test_the_recovery_goes_the_way_of_the_replay() -> None:
    """Boot by boot to the last, and the flash in between is that of the replay; then the program has exited."""
    with served(FIRST) as session:
        for boot in range(len(session.result.run.traces)):
            session.gdb.resume()
            assert session.stop()[1] == "S20"
            flash = session.gdb.read(session.scenario.flash_address, len(session.result.run.start.flash))
            assert flash == session.result.run.flash_before_boot(boot)
        session.gdb.resume()
        assert session.stop()[1] == "W00"


def test_a_core_that_is_sent_elsewhere_is_not_cut() -> None:
    """Whoever sets the program counter has left the run that was held."""
    with served(FIRST) as session:
        session.gdb.write_registers({PC: session.operation.pc + 4})
        assert session.gdb.step() == "S05"
        assert session.gdb.read(session.operation.address, 2) == session.operation.old


PACKETS = {
    "an unknown command": ("vMustReplyEmpty", ""),
    "memory where nothing is": ("m60000000,4", "E14"),
    "a store to flash": ("M8000000,2:0000", "E01"),
    "a register that does not exist": ("p40", "E01"),
    "a watchpoint": ("Z2,20000000,4", "OK"),
    "a watchpoint where no memory is": ("Z2,60000000,4", ""),
    "a watchpoint on loads": ("Z3,20000000,4", ""),
    "numbers that are none": ("mxyz,4", "E22"),
    "a thread list": ("qfThreadInfo", "m1"),
    "a breakpoint": ("Z1,8000100,2", "OK"),
}


def test_packets() -> None:
    """Each answer, and that a damaged packet is asked for again."""
    with served(FIRST) as session:
        answers = {name: session.gdb.command(packet) for name, (packet, _) in PACKETS.items()}
        assert answers == {name: answer for name, (_, answer) in PACKETS.items()}
        session.channel.send(b"+$?#00")
        assert session.channel.receive(10) == b"-"
        session.channel.send(b"$?#3f")
        assert re.fullmatch(rb"\+?\$S05#b8", session.channel.receive(10) + session.channel.receive(0.2))


def id_of_cut() -> str:
    """Return the replay id of the first cut."""
    _, reference, cut = CUTS[FIRST]
    return f"{reference}:{cut}:1:{prepare(reference, PrepareOptions()).fingerprint}"


def test_a_port_that_is_taken_is_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    """One line, exit code 2, before anything is built; so for numbers that are no port, and for an engine without a debugger's port."""
    with socket.create_server((LOOPBACK, 0)) as taken:
        assert run_cli(["replay", id_of_cut(), "--gdb", str(taken.getsockname()[1])]) == ExitCode.BAD_INPUT
    assert "can't be used: Address already in use" in capsys.readouterr().err
    for wrong in ("70000", "-1", "gdb"):
        assert run_cli(["replay", id_of_cut(), "--gdb", wrong]) == ExitCode.BAD_INPUT


@pytest.mark.skipif(GDB is None, reason="gdb-multiarch is not installed (apt-get install gdb-multiarch)")
def test_gdb_itself(tmp_path: Path) -> None:
    """The printed command attaches gdb from any folder: the symbols are those of the driver, the stack reaches main, and power is lost with SIGPWR."""
    command = [sys.executable, "-m", "harness.cli", "replay", id_of_cut(), "--gdb", "0"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}) as served:
        assert served.stderr is not None
        attach = next(line.strip() for line in served.stderr if "gdb-multiarch" in line)
        script = "info registers pc\nbt\ninfo line *$pc\nstepi\n"
        (tmp_path / "script").write_text(script)
        told = subprocess.run(
            [*shlex.split(attach), "-nx", "-batch", "-x", "script"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
        ).stdout
        served.stderr.read()
    assert "in main () at" in told, told
    assert re.search(r'Line \d+ of "hal/stm32f103\.c" starts at address 0x[0-9a-f]+ <hal_flash_program', told)
    assert "half_word" in told  # the line itself: the sources are found
    assert "received signal SIGPWR" in told
    assert served.returncode == ExitCode.HOLDS
