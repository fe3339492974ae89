"""A QEMU process with its three channels: the gdb stub, the UART, and the log of executed blocks. The only file that starts QEMU."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import functools
import os
import re
import selectors
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import termios
import time
from collections.abc import Sequence
from pathlib import Path

from harness.errors import EngineError, InputError
from harness.machine.capability import Probe

QEMU_SETTING = "QEMU_PATH"
"""Environment variable with the path of `qemu-system-arm`."""

_PROGRAM = "qemu-system-arm"
_REMEDY = f"Install it (Debian, Ubuntu: apt-get install qemu-system-arm), or set {QEMU_SETTING} to its path."
_OLDEST = (7, 0)
_START_SECONDS = 20.0
_CHUNK_BYTES = 1 << 16
_DIE_WITH_PARENT = 1
"""PR_SET_PDEATHSIG of prctl(2)."""


def find_qemu() -> str:
    """Return the path of `qemu-system-arm`.

    Raises:
        InputError: it is not installed, or the setting names no program.
    """
    setting = os.environ.get(QEMU_SETTING)
    path = shutil.which(setting or _PROGRAM)
    if path is None and setting:
        raise InputError(
            f"{setting!r} is not a program", source=QEMU_SETTING, remedy="Give the path of qemu-system-arm, or unset it to use the one on the PATH."
        )
    if path is None:
        raise InputError(f"{_PROGRAM} is not on the PATH", source="--engine", field="qemu", remedy=_REMEDY)
    return path


@functools.cache
def qemu_version(path: str) -> str:
    """Return the version of a QEMU.

    Raises:
        InputError: the program is no QEMU, or too old.
    """
    try:
        told = subprocess.run([path, "--version"], capture_output=True, text=True, check=False, timeout=_START_SECONDS).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InputError(f"cannot be run: {error}", source=path, remedy=_REMEDY) from None
    found = re.search(r"QEMU emulator version (\d+)\.(\d+)(\S*)", told)
    if found is None:
        raise InputError("does not say that it is QEMU", source=path, remedy=_REMEDY)
    version = f"{found[1]}.{found[2]}{found[3]}"
    if (int(found[1]), int(found[2])) < _OLDEST:
        raise InputError(f"is QEMU {version}", source=path, remedy=f"Version {_OLDEST[0]}.{_OLDEST[1]} or newer is needed.")
    return version


def probe() -> Probe:
    """Return whether QEMU is usable here."""
    try:
        return Probe(usable=True, version=qemu_version(find_qemu()))
    except InputError as error:
        return Probe(usable=False, remedy=str(error))


class QemuProcess:
    """One QEMU that starts with its core stopped.

    Args:
        machine: what `-M` takes.
        logged: ranges (first, last address) of code whose executed blocks are logged with the registers before them.

    Raises:
        InputError: there is no QEMU.
        EngineError: it does not start.
    """

    def __init__(self, machine: str, logged: Sequence[tuple[int, int]]) -> None:
        self.uart = bytearray()
        self.log = bytearray()
        self._folder = Path(tempfile.mkdtemp(prefix="boot-harness-qemu-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._gdb: socket.socket | None = None
        self._log_file: int | None = None
        self._selector = selectors.DefaultSelector()
        try:
            self._start(machine, logged)
        except BaseException:
            self.close()
            raise

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process is not None and self._process.poll() is None

    def send(self, content: bytes) -> None:
        """Send bytes to the gdb stub; a QEMU that has ended takes them in silence."""
        if self._gdb is not None:
            with contextlib.suppress(OSError):
                self._gdb.sendall(content)

    def receive(self, timeout_seconds: float) -> bytes:
        """Return what the gdb stub sent, and take in meanwhile what the UART and the log bring; b"" if it sent nothing in time.

        Raises:
            EndedError: QEMU has ended.
        """
        deadline = time.monotonic() + timeout_seconds
        while True:
            arrived = self._pump(max(0.0, deadline - time.monotonic()))
            if arrived or time.monotonic() >= deadline:
                return arrived

    def drain(self) -> None:
        """Take in what the UART and the log have brought so far."""
        for file, buffer in self._streams():
            while chunk := _read_at_once(file):
                buffer += chunk

    def ended_in_lockup(self) -> bool:
        """Whether QEMU gave up because the core locked up: it aborts then, and in no other case that is known."""
        if self._process is None:
            return False
        try:
            return self._process.wait(_START_SECONDS) == -signal.SIGABRT
        except subprocess.TimeoutExpired:
            return False

    def give_input(self, content: bytes) -> None:
        """Send bytes to the UART; few enough for a pipe.

        Raises:
            EndedError: QEMU has ended.
        """
        if content and self._process is not None and self._process.stdin is not None:
            try:
                self._process.stdin.write(content)
                self._process.stdin.flush()
            except OSError:
                raise EndedError from None

    def input_pending(self) -> bool:
        """Whether the UART has not yet taken all of its input."""
        if self._process is None or self._process.stdin is None:
            return False
        waiting = bytearray(struct.calcsize("i"))
        fcntl.ioctl(self._process.stdin.fileno(), termios.FIONREAD, waiting)
        return any(waiting)

    def close(self) -> None:
        """End the process and remove its files."""
        self._selector.close()
        if self._gdb is not None:
            self._gdb.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for stream in (self._process.stdin, self._process.stdout):
                if stream is not None:
                    with contextlib.suppress(OSError):
                        stream.close()
        if self._log_file is not None:
            os.close(self._log_file)
            self._log_file = None
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self, machine: str, logged: Sequence[tuple[int, int]]) -> None:
        path = find_qemu()
        qemu_version(path)
        gdb, log = self._folder / "gdb", self._folder / "log"
        command = [path, "-M", machine, "-nodefaults", "-no-user-config", "-display", "none", "-S"]
        command += ["-chardev", f"socket,id=gdb,path={gdb},server=on,wait=off", "-gdb", "chardev:gdb"]
        command += ["-chardev", "stdio,id=uart,signal=off", "-serial", "chardev:uart"]
        if logged:
            # A pipe: the log of a long campaign would fill a disk.
            os.mkfifo(log)
            self._log_file = os.open(log, os.O_RDONLY | os.O_NONBLOCK)
            ranges = ",".join(f"{first:#x}..{last:#x}" for first, last in logged)
            command += ["-D", str(log), "-d", "exec,cpu", "-dfilter", ranges]
        # A session of its own: Ctrl-C is for the campaign, which ends it in order.
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True, preexec_fn=_die_with_parent
        )
        self._gdb = self._connect(gdb)
        self._selector.register(self._gdb, selectors.EVENT_READ)
        for file, buffer in self._streams():
            os.set_blocking(file, False)
            self._selector.register(file, selectors.EVENT_READ, buffer)

    def _connect(self, path: Path) -> socket.socket:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self.alive:
            connection = socket.socket(socket.AF_UNIX)
            try:
                connection.connect(str(path))
            except OSError:
                connection.close()
                time.sleep(0.005)
            else:
                return connection
        raise EngineError("QEMU does not start, or its gdb stub does not answer")

    def _streams(self) -> list[tuple[int, bytearray]]:
        streams = []
        if self._process is not None and self._process.stdout is not None:
            streams.append((self._process.stdout.fileno(), self.uart))
        if self._log_file is not None:
            streams.append((self._log_file, self.log))
        return streams

    def _pump(self, timeout_seconds: float) -> bytes:
        assert self._gdb is not None
        arrived = b""
        for key, _ in self._selector.select(timeout_seconds):
            if key.data is not None:
                key.data.extend(_read_at_once(key.fd))
            else:
                try:
                    arrived = self._gdb.recv(_CHUNK_BYTES)
                except OSError:
                    arrived = b""
                if not arrived:
                    raise EndedError
        return arrived


class EndedError(EngineError):
    """QEMU has ended by itself, as it does when the core locks up."""

    def __init__(self) -> None:
        super().__init__("QEMU has ended by itself")


def _read_at_once(file: int) -> bytes:
    try:
        return os.read(file, _CHUNK_BYTES)
    except OSError:
        return b""


_LIBC = ctypes.CDLL(None)


def _die_with_parent() -> None:
    """Ask the kernel to end QEMU with a campaign that is killed: it would spin for ever. Where there is no prctl, nothing is asked."""
    if hasattr(_LIBC, "prctl"):
        _LIBC.prctl(_DIE_WITH_PARENT, signal.SIGKILL)
