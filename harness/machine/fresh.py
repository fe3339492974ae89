"""A new machine for every boot: what the reuse of one is held against."""

from __future__ import annotations

from collections.abc import Callable

from harness.machine.protocol import Machine, NonVolatile, PeerMaker, Retained, Trace


class FreshMachine:
    """A machine of which each boot is the first: nothing can be left behind by the one before, and nothing is restored.

    Args:
        make: makes a machine; called for every boot.
    """

    def __init__(self, engine: str, make: Callable[[], Machine]) -> None:
        self.engine = engine
        self._make = make

    def boot(
        self,
        state: NonVolatile,
        *,
        seed: int,
        stop_before: int | None = None,
        instruction_budget: int = 200_000_000,
        uart_input: bytes = b"",
        retained: Retained | None = None,
        peer: PeerMaker | None = None,
    ) -> Trace:
        """Make a machine, boot it once, and release it; see `Machine.boot`."""
        machine = self._make()
        try:
            return machine.boot(
                state, seed=seed, stop_before=stop_before, instruction_budget=instruction_budget, uart_input=uart_input, retained=retained, peer=peer
            )
        finally:
            machine.close()

    def close(self) -> None:
        """Nothing is held between two boots."""
