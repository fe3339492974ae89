"""What the banks of a module store say: a bank that holds no module that verifies is told by nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from harness.scenario.modules import BANKS, STORE_REGION, StoredModules
from harness.scenario.prepared import Meaning


@dataclass(frozen=True)
class BankBookkeeping:
    """The banks of a store, taken for bookkeeping: whoever looks for a module also looks into a bank that a cut left half written, and passes it over."""

    store: StoredModules

    @property
    def regions(self) -> tuple[str, ...]:
        """The store's region."""
        return (STORE_REGION,)

    @property
    def most_again(self) -> tuple[int, ...]:
        """No log is in it."""
        return ()

    def meaning(self, flash: bytes) -> Meaning:
        """Return which module each bank holds; the pages of a bank that holds none decide nothing."""
        digests = self.store.bank_digests(flash)
        region = self.store.regions[STORE_REGION].addresses
        bank_bytes, page_bytes = len(region) // BANKS, self.store.page_bytes
        empty = [start for start, digest in zip(range(region.start, region.stop, bank_bytes), digests, strict=True) if digest is None]
        pages = (page for start in empty for page in range(start, start + bank_bytes, page_bytes))
        return Meaning(repr(digests).encode(), unused=tuple(range(page, page + page_bytes) for page in pages))
