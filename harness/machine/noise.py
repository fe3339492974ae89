"""What RAM and registers hold at power-on: noise that a seed draws, the same on every engine."""

from __future__ import annotations

import struct

_STEP = 0x9E3779B97F4A7C15
_MASK = 2**64 - 1


def splitmix64(seed: int, count: int) -> list[int]:
    """Return the first numbers of the SplitMix64 sequence (Steele, Lea, Flood 2014) that a seed begins; `random.h` of the C core has it too."""
    numbers = []
    state = seed
    for _ in range(count):
        state = (state + _STEP) & _MASK
        z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        numbers.append(z ^ (z >> 31))
    return numbers


def power_on_noise(seed: int, ram_bytes: int, registers: int) -> tuple[bytes, list[int]]:
    """Return the content of RAM, and the values of 32-bit registers.

    Args:
        ram_bytes: a multiple of 8.
    """
    words = ram_bytes // 8
    numbers = splitmix64(seed, words + registers)
    return struct.pack(f"<{words}Q", *numbers[:words]), [number & 0xFFFFFFFF for number in numbers[words:]]
