"""What a run does to the flash from some moment on, told so that two runs compare whose logs and scratch pages lie elsewhere."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from harness.campaign.search.state import Geography
from harness.machine.operation_log import Log, array_of
from harness.machine.protocol import OperationKind, Trace
from harness.oracle.run import Run
from harness.scenario.prepared import APPLICATION_DOMAIN, Meaning

COURSE_BYTES = 16


class Course:
    """The operations of a run, one after the other, as digests of what follows each of two moments: its start, and one in the middle.

    Operations outside of the bookkeeping are told by kind, address and cells. Of those in it, addresses are counted from where the log's free places
    began, or from the start of the page; the cells of a record name pages and sequence numbers, so they are told by what the bookkeeping says
    once they are written.

    Args:
        moment: boot and operation of the second moment; None: there is none.

    Attributes:
        whole: of all operations. rest: of those from the moment on; empty where there is none.
    """

    def __init__(self, geography: Geography, run: Run, moment: tuple[int, int] | None) -> None:
        self._geography = geography
        self._whole = hashlib.blake2b(digest_size=COURSE_BYTES)
        self._rest = hashlib.blake2b(digest_size=COURSE_BYTES)
        self._passed = False
        for boot, trace in enumerate(run.traces):
            middle = moment[1] if moment is not None and moment[0] == boot else None
            self._boot(trace, bytearray(run.state_before_boot(boot).flash), middle)
        self.whole = self._whole.digest()
        self.rest = self._rest.digest() if moment is not None else b""

    def _boot(self, trace: Trace, flash: bytearray, middle: int | None) -> None:
        log = array_of(trace.operations)
        entered = {entry.operations for entry in trace.entries if entry.domain == APPLICATION_DOMAIN}
        meaning = self._geography.said(flash)[0]
        for group, inside in self._groups(log, entered | ({middle} if middle is not None else set())):
            self._passed = self._passed or group.start == middle
            if group.start in entered:
                self._tell(b"entered")
            some = log[group.start : group.stop]
            if inside:
                self._tell(self._where(some, meaning))
                self._execute(trace, group, some, flash)
                meaning = self._geography.said(flash)[0]
                self._tell(meaning.says)
            else:
                self._tell(_spelled(some))
        self._tell(f"{trace.end}:{trace.domain}:{len(log) in entered}".encode())

    def _groups(self, log: Log, breaks: set[int]) -> Iterator[tuple[range, bool]]:
        """Yield operations outside of the bookkeeping together, and programs side by side in one of its pages; an erase of such a page by itself.

        Args:
            breaks: operations that begin another group, whatever they are.

        Returns:
            Which operations, and whether they are in the bookkeeping.
        """
        if not len(log):
            return
        pages = (log["address"].astype(np.int64) - self._geography.flash_address) // self._geography.page_bytes
        inside = np.isin(pages, list(self._geography.bookkeeping))
        programs = log["kind"] == OperationKind.PROGRAM
        follows = (log["address"][1:] == log["address"][:-1] + log["size_bytes"][:-1]) & (pages[1:] == pages[:-1]) & programs[1:] & programs[:-1]
        begins = (inside[1:] != inside[:-1]) | (inside[1:] & ~follows)
        starts = sorted({0, *(np.flatnonzero(begins) + 1).tolist(), *(at for at in breaks if at < len(log))})
        for start, stop in pairwise((*starts, len(log))):
            yield range(start, stop), bool(inside[start])

    def _tell(self, text: bytes) -> None:
        length = len(text).to_bytes(4, "little")
        for hasher in (self._whole, self._rest) if self._passed else (self._whole,):
            hasher.update(length + text)

    def _where(self, some: Log, meaning: Meaning) -> bytes:
        """Return kind and place of operations in one page of the bookkeeping; in a page that nothing rests on, the cells too."""
        first = int(some["address"][0])
        page = self._geography.page_at(first)
        log, origin = next(
            ((number, free.start) for number, free in enumerate(meaning.free) if first in free),
            (-1, self._geography.flash_address + page * self._geography.page_bytes),
        )
        told = f"{log}:{some['kind'][0]}:{first - origin}:{some['size_bytes'][0]}:{len(some)}:".encode()
        return told + some["new"].tobytes() if any(first in span for span in meaning.unused) else told

    def _execute(self, trace: Trace, group: range, some: Log, flash: bytearray) -> None:
        first = trace.operations[group.start]
        start = first.address - self._geography.flash_address
        cells = some["new"].astype(f"<u{first.size_bytes}").tobytes() if first.kind == OperationKind.PROGRAM else first.new
        flash[start : start + len(cells)] = cells


def _spelled(some: Log) -> bytes:
    """Return kinds, addresses, sizes and cells of operations: those of an erase are noise to a log, and what it leaves is known."""
    cells = np.where(some["kind"] == OperationKind.PROGRAM, some["new"], 0)
    return b"".join(column.tobytes() for column in (some["kind"], some["address"], some["size_bytes"], cells))
