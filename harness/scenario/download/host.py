"""The host: it waits until an older version says that it is ready, and sends the update by XMODEM (SPEC, "Download")."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field

from harness.scenario.download.link import NO_FAULTS, Link, LinkFaults
from harness.scenario.download.xmodem import Transfer, XmodemSender

_READY = re.compile(rb"application (\d+) ready\r\n")
_BROKEN = re.compile(rb"transfer: (?!received)[a-z ]+\r\n|update: (?:size|crc)\r\n")
"""What the device says of a transfer that went wrong, though the host took it for complete: an acknowledgement has no number."""
_COMMAND = b"\rupdate\r"
"""The first return ends whatever a transfer that failed left in the device's line."""
_ANSWER_US = 15_000_000
"""How long it waits for an answer: the receiver asks again after three, or ten, seconds."""
_ATTEMPTS_MOST = 8


@dataclass(frozen=True, slots=True)
class Download:
    """What a host sends, and how; it makes a host for each boot.

    Attributes:
        version: of the application that the update makes. content: the image or patch.
        stops_after: it falls silent for good after so many blocks were acknowledged; None: it does not.
        returns_after_s: with `stops_after`, it comes back after so many seconds and begins anew; None: it stays away.
        attempts: how often it sends the file at most in one boot, where a transfer broke.
    """

    version: int
    content: bytes = field(repr=False)
    faults: LinkFaults = NO_FAULTS
    stops_after: int | None = None
    returns_after_s: int | None = None
    attempts: int = _ATTEMPTS_MOST

    @property
    def identity(self) -> bytes:
        """A digest of everything."""
        told = f"{self.version} {self.faults} {self.stops_after} {self.returns_after_s} {self.attempts} ".encode()
        return hashlib.sha256(told + self.content).digest()

    def make(self) -> Host:
        """Return a host that has heard nothing yet."""
        return Host(self)


class Host:
    """One host in one boot."""

    def __init__(self, download: Download) -> None:
        self._download = download
        self._text = b""
        self._sender: XmodemSender | None = None
        self._attempts = 0
        self._is_away = False
        self._returned = False
        self._to_device = Link(download.faults, "to the device")
        self._from_device = Link(download.faults, "from the device")
        self.timeout_us: int | None = None

    def receive(self, sent: bytes) -> bytes:
        """Hear the device: its console, or its answers to blocks."""
        if self._is_away:
            return b""
        if self._sender is None:
            return self._greet(sent)
        if self._sender.state is Transfer.DONE:
            return self._read_verdict(sent)
        return self._answered(self._sender.receive(self._from_device.carry(sent)))

    def timeout(self) -> bytes:
        """Send again, or come back."""
        if self._is_away:
            self._is_away, self._returned = False, True
            return self._begin()
        return self._answered(self._sender.timeout()) if self._sender else b""

    def _greet(self, sent: bytes) -> bytes:
        self._text += sent
        ready = _READY.search(self._text)
        return self._begin() if ready and int(ready[1]) < self._download.version else b""

    def _read_verdict(self, sent: bytes) -> bytes:
        self._text += sent
        return self._begin() if _BROKEN.search(self._text) and self._attempts < self._download.attempts else b""

    def _begin(self) -> bytes:
        """Ask for the transfer; the link leaves the console alone."""
        self._attempts += 1
        self._text = b""
        self._sender = XmodemSender(self._download.content)
        self.timeout_us = _ANSWER_US
        return _COMMAND

    def _answered(self, answer: bytes) -> bytes:
        assert self._sender is not None
        download = self._download
        if not self._returned and self._sender.blocks_acknowledged == download.stops_after:
            self._is_away = True
            self.timeout_us = None if download.returns_after_s is None else download.returns_after_s * 1_000_000
            return b""
        if self._sender.state is Transfer.DONE:
            self.timeout_us = None
        elif self._sender.state is Transfer.FAILED:
            if answer or self._attempts == self._download.attempts:
                self.timeout_us = None
                return answer
            return self._begin()
        return self._to_device.carry(answer)
