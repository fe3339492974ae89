"""Progress: for how long power can last, again and again, and the device still not get anywhere."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable

Step = tuple[int, int, int]
"""A cut: the state whose run it ends, the state that it leaves, and how long power lasted."""


def longest_wasted(steps: Iterable[Step]) -> int:
    """Return the longest time for which power can last in every boot of an endless series of cuts.

    States are finite in number, so an endless series repeats one: it goes round a cycle for ever. In each cycle the shortest power-on counts,
    and of all cycles the one whose shortest is longest. If power always lasts longer than that, the cuts that can happen form no cycle: each
    brings the device nearer to a run that nothing interrupts.

    Returns:
        0 where there is no cycle.
    """
    sources, targets, times = array("q"), array("q"), array("q")
    for source, target, lasted in steps:
        sources.append(source)
        targets.append(target)
        times.append(lasted)
    circle = circles(zip(sources, targets, strict=True))
    strongest: dict[tuple[int, int], int] = {}
    for source, target, lasted in zip(sources, targets, times, strict=True):
        if circle[source] == circle[target]:  # no cycle goes through any other
            strongest[source, target] = max(lasted, strongest.get((source, target), 0))
    if not strongest:
        return 0
    limits = sorted({0, *strongest.values()})
    low, high = 0, len(limits) - 1  # a cycle is sure to exist among cuts that last at least limits[low]
    while low < high:
        middle = (low + high + 1) // 2
        if _has_cycle(pair for pair, lasted in strongest.items() if lasted >= limits[middle]):
            low = middle
        else:
            high = middle - 1
    return limits[low]


def circles(pairs: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Number states so that two have the same number if, and only if, each follows from the other: they are on one circle.

    Source: R. Tarjan, "Depth-first search and linear graph algorithms" (1972), with a stack of its own in place of calls.
    """
    following: dict[int, array[int]] = defaultdict(lambda: array("q"))
    for source, target in pairs:
        following[source].append(target)
        following[target]
    found: dict[int, int] = {}  # in the order of the search
    lowest: dict[int, int] = {}
    circle: dict[int, int] = {}
    open_states: list[int] = []
    for start in following:
        way = [] if start in found else [(start, iter(following[start]))]
        while way:
            state, rest = way[-1]
            if state not in found:
                found[state] = lowest[state] = len(found)
                open_states.append(state)
            deeper = next((target for target in rest if target not in circle), None)
            if deeper is not None and deeper not in found:
                way.append((deeper, iter(following[deeper])))
            elif deeper is not None:
                lowest[state] = min(lowest[state], found[deeper])
            else:
                way.pop()
                if way:
                    lowest[way[-1][0]] = min(lowest[way[-1][0]], lowest[state])
                if lowest[state] == found[state]:
                    number = len(circle)
                    while state not in circle:
                        circle[open_states.pop()] = number
    return circle


def _has_cycle(pairs: Iterable[tuple[int, int]]) -> bool:
    """Take away states that nothing leads to until none is left, or only cycles and what follows them."""
    following: dict[int, list[int]] = defaultdict(list)
    leading: dict[int, int] = defaultdict(int)
    for source, target in pairs:
        following[source].append(target)
        leading[target] += 1
        leading.setdefault(source, 0)
    free = [state for state, count in leading.items() if count == 0]
    left = len(leading)
    while free:
        left -= 1
        for target in following[free.pop()]:
            leading[target] -= 1
            if leading[target] == 0:
                free.append(target)
    return left > 0
