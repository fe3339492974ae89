"""How tears are spelled in words: on the command line, and in a seeded bug's file."""

from __future__ import annotations

from harness.errors import InputError
from harness.fault.faults import ERASE_TEARS, NAMED_TEARS, Tear
from harness.fault.plan import MOST_FRACTIONS, TearChoice

_FRACTIONS = "fractions"
_FRACTIONS_UNLESS_TOLD = 4


def parse_tears(text: str | None, fractions: int | None = None) -> TearChoice:
    """Read `--tears` and `--fractions`, or the tears of a seeded bug.

    Args:
        text: tears separated by commas; the word `fractions` stands for cuts inside operations. None: the five named ones.
        fractions: cuts inside each operation; None: none, or four if the word is there.

    Raises:
        InputError: a word is no tear.
    """
    words = [word.strip() for word in text.split(",")] if text is not None else [tear.value for tear in ERASE_TEARS]
    known = {tear.value: tear for tear in NAMED_TEARS}
    for word in words:
        if word not in known and word != _FRACTIONS:
            raise InputError(f"{word!r} is not a tear", source="--tears", remedy=f"Tears: {', '.join([*known, _FRACTIONS])}; separate them with commas.")
    count = fractions if fractions is not None else _FRACTIONS_UNLESS_TOLD * (_FRACTIONS in words)
    if not 0 <= count <= MOST_FRACTIONS or (count == 0 and _FRACTIONS in words):
        raise InputError(f"{count} cuts inside an operation", source="--fractions", remedy=f"Give 1 to {MOST_FRACTIONS}.")
    named: dict[Tear, None] = dict.fromkeys(known[word] for word in words if word in known)
    return TearChoice(tuple(named), count)
