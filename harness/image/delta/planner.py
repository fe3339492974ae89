"""Plans an in-place patch: which pages are rebuilt, in which order, from what is left of the old ones.

A page that was rebuilt is gone as a source. So the order decides what can still be copied: the planner weighs how many bytes each page needs of each
other one, rebuilds next the page whose old content the fewest others need, and matches each page against the region *as it stands at that step*. Bytes
whose source is gone by then are found elsewhere, or inserted. Two simple orders are tried too, and the smallest patch is kept. What is returned was
applied first: a plan that does not make the target never leaves here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from harness.errors import InputError
from harness.image.delta.apply import InPlaceRegion, apply_patch
from harness.image.delta.matcher import match_page
from harness.image.delta.payload import PAGES_MAX, Coding, Copy, PatchHeader, Step, encode_steps, patch_digest

Progress = Callable[[int, int], None]
"""Called with pages planned and pages to plan, over all orders."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A patch and what it is made of.

    Attributes:
        payload: header and steps.
        steps: in the order in which the pages are rebuilt.
    """

    payload: bytes
    steps: tuple[Step, ...]
    coding: Coding

    @property
    def copied_bytes(self) -> int:
        """Bytes of the target that copies give."""
        return sum(instruction.length for step in self.steps for instruction in step.instructions if isinstance(instruction, Copy))

    @property
    def inserted_bytes(self) -> int:
        """Bytes of the target that the patch carries."""
        return sum(instruction.length for step in self.steps for instruction in step.instructions) - self.copied_bytes


def plan_patch(
    base: bytes,
    target: bytes,
    *,
    page_bytes: int,
    base_version: int = 0,
    target_version: int = 0,
    coding: Coding | None = None,
    progress: Progress = lambda _done, _total: None,
) -> Plan:
    """Return the smallest patch found that turns `base` into `target` in place.

    Args:
        base: the installed image. target: the image to be.
        page_bytes: the device's erase unit; the image starts at a page.
        coding: None: whichever is smaller.

    Raises:
        InputError: an image is empty, or has more pages than a device keeps account of.
    """
    for name, image in (("base", base), ("target", target)):
        if not image:
            raise InputError("has no bytes", source=f"the {name} image", remedy="Give an image that holds something.")
        pages = -(-len(image) // page_bytes)
        if pages > PAGES_MAX:
            problem = f"has {pages:,} pages of {page_bytes} bytes, a patch tells of {PAGES_MAX} at most"
            raise InputError(problem, source=f"the {name} image", remedy="Name the device's page size; a larger region is patched with larger pages.")
    region = _region(base, target, page_bytes, 0)
    changed = [page for page in range(-(-len(target) // page_bytes)) if not region.holds(page, _page_of(target, page, page_bytes))]
    orders = _orders(base, target, page_bytes, changed)
    total, done = len(changed) * len(orders), 0
    plans = []
    for order in orders:
        steps = []
        for step in _match_in_order(base, target, page_bytes, order):
            steps.append(step)
            done += 1
            progress(done, total)
        plans.append(tuple(steps))
    codings = tuple(Coding) if coding is None else (coding,)
    sized = [(len(encode_steps(steps, page_bytes, choice)), number, choice) for number, steps in enumerate(plans) for choice in codings]
    _, number, choice = min(sized)
    steps_kept = plans[number]
    header = PatchHeader(
        base_digest=patch_digest(base),
        target_digest=patch_digest(target),
        base_version=base_version,
        target_version=target_version,
        base_bytes=len(base),
        target_bytes=len(target),
        page_bytes=page_bytes,
        coding=choice,
        steps=len(steps_kept),
    )
    payload = header.to_bytes() + encode_steps(steps_kept, page_bytes, choice)
    if apply_patch(base, payload) != target:
        raise RuntimeError("the planned patch does not make the target")
    return Plan(payload, steps_kept, choice)


def _page_of(target: bytes, page: int, page_bytes: int) -> bytes:
    return target[page * page_bytes : (page + 1) * page_bytes]


def _region(base: bytes, target: bytes, page_bytes: int, steps: int) -> InPlaceRegion:
    return InPlaceRegion(base, PatchHeader(b"", b"", 0, 0, len(base), len(target), page_bytes, Coding.RAW, steps))


def _match_in_order(base: bytes, target: bytes, page_bytes: int, order: list[int]) -> Iterator[Step]:
    region, shift = _region(base, target, page_bytes, len(order)), 0
    for page in order:
        match = match_page(bytes(region.content), _page_of(target, page, page_bytes), page * page_bytes, shift, region.unknown)
        shift = match.shift
        step = Step(page, match.instructions)
        region.rebuild(step)
        yield step


def _orders(base: bytes, target: bytes, page_bytes: int, changed: list[int]) -> list[list[int]]:
    """Return the orders to try, none twice. Pages behind the base's last one have nothing before them to lose and come in ascending order."""
    base_pages = -(-len(base) // page_bytes)
    inside, behind = [page for page in changed if page < base_pages], [page for page in changed if page >= base_pages]
    needed = {page: _bytes_needed(base, _page_of(target, page, page_bytes), page, page_bytes) for page in changed}
    orders: list[list[int]] = []
    for order in (_least_lost_first(inside, behind, needed), [*inside, *behind], [*inside[::-1], *behind]):
        if order not in orders:
            orders.append(order)
    return orders


def _bytes_needed(base: bytes, content: bytes, page: int, page_bytes: int) -> dict[int, int]:
    """Return how many bytes a page would copy from each page of the base if all of it were there."""
    needed: dict[int, int] = {}
    for instruction in match_page(base, content, page * page_bytes, 0).instructions:
        if isinstance(instruction, Copy):
            for source in range(instruction.source // page_bytes, (instruction.source + instruction.length - 1) // page_bytes + 1):
                low, high = max(instruction.source, source * page_bytes), min(instruction.source + instruction.length, (source + 1) * page_bytes)
                needed[source] = needed.get(source, 0) + high - low
    return needed


def _least_lost_first(inside: list[int], behind: list[int], needed: dict[int, dict[int, int]]) -> list[int]:
    """Return the pages so that each is rebuilt when the fewest bytes of it are still needed by others.

    before          pages 0 1 2, where 1 and 2 copy from 0
    wrong, 0 first  what 1 and 2 need of 0 is gone
    right           1, 2, 0
    """
    waiting, waiting_behind, order = set(inside), list(behind), []
    while waiting or waiting_behind:
        others = waiting | set(waiting_behind)
        candidates = sorted(waiting) + waiting_behind[:1]
        page = min(candidates, key=lambda one: (sum(needed[other].get(one, 0) for other in others if other != one), one))
        order.append(page)
        if page in waiting:
            waiting.remove(page)
        else:
            waiting_behind.pop(0)
    return order
