"""How moments of virtual time are spelled in words: on the command line, and in test suites."""

from __future__ import annotations

import re
from decimal import Decimal

from harness.errors import InputError

_PICOSECONDS = {"ns": 10**3, "us": 10**6, "ms": 10**9, "s": 10**12}


def parse_virtual_time(text: str, source: str = "--cut-at") -> int:
    """Read a moment such as `12.345ms` (ns, us, ms or s) and return it in picoseconds.

    Args:
        source: where it was written.

    Raises:
        InputError: it is not one.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ns|us|ms|s)", text.strip())
    if match is None:
        raise InputError(f"{text!r} is not a virtual time", source=source, remedy="Write a number and ns, us, ms or s, for example 12.345ms.")
    return int(Decimal(match[1]) * _PICOSECONDS[match[2]])
