"""Counter and journal pages: no tear forges a value, nothing wedges, and the helpers build what SPEC sections 3 to 5 describe."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.image import keys, metadata
from harness.image.identity import KEY_PLACES, Identity, build_identity, read_identity
from harness.image.metadata import JournalKind, JournalState
from tests.strategies import SEEDS, U16, U32, U64, with_added_ones

PAGE_BYTES = 1024
BLANK_PAGE = b"\xff" * PAGE_BYTES


def region(*pages: bytes) -> bytes:
    """Return four pages, each filled up with blank bytes."""
    return b"".join(page.ljust(PAGE_BYTES, b"\xff") for page in (*pages, b"", b"", b"", b"")[:4])


def journal_page(sequence: int, *records: bytes) -> bytes:
    """Return a journal page with a valid header."""
    return metadata.journal_header(sequence) + b"".join(records)


@given(U64, st.data())
def test_a_torn_counter_record_never_forges_a_value(value: int, data: st.DataObject) -> None:
    """Added ones, as program and erase tears make them, leave the value or nothing: never another value."""
    record = metadata.counter_record(value)
    torn = data.draw(with_added_ones(record))

    assert metadata.counter_record_value(record) == value
    assert metadata.counter_record_value(torn) == (value if torn == record else None)


@given(U16, U16, st.data())
def test_a_torn_journal_record_never_forges_a_record(kind: int, value: int, data: st.DataObject) -> None:
    """The same for the journal's records."""
    record = metadata.journal_record(kind, value)
    torn = data.draw(with_added_ones(record))

    assert metadata.journal_record_value(torn) == ((kind, value) if torn == record else None)


@given(U32, st.data())
def test_a_torn_journal_header_never_forges_a_sequence(sequence: int, data: st.DataObject) -> None:
    """The same for the header that switches pages."""
    header = metadata.journal_header(sequence)
    torn = data.draw(with_added_ones(header))

    assert metadata.journal_header_value(torn) == (sequence if torn == header else None)


def test_without_the_complement_a_tear_would_forge() -> None:
    """The property can fail: a bare value under added ones reads as a greater one."""
    bare = (1).to_bytes(8, "little")
    torn = bytes([bare[0] | 2]) + bare[1:]

    assert int.from_bytes(torn, "little") == 3


@given(U64, st.data())
def test_a_torn_place_counts_once_its_witness_was_begun(value: int, data: st.DataObject) -> None:
    """Added ones in a place leave the value or nothing; what they do to the witness alone leaves the value, unless it is blank."""
    place = metadata.counter_place(value)
    torn = data.draw(with_added_ones(place))
    witness = data.draw(with_added_ones(place[16:]))

    assert metadata.counter_place_value(torn) in (value, None)
    assert metadata.counter_place_value(place[:16] + witness) == (None if witness == b"\xff" * 16 else value)


@given(st.lists(U64, max_size=32), st.lists(U64, max_size=32))
def test_the_counter_is_the_greatest_place_of_both_pages(first: list[int], second: list[int]) -> None:
    """Wherever the greatest place stands, it is the counter; without any it is 0."""
    pages = [b"".join(map(metadata.counter_place, values)) for values in (first, second)]

    assert metadata.read_counter(region(*pages)) == max([*first, *second], default=0)


@given(st.lists(st.integers(1, 2**63), min_size=1, max_size=20), st.data())
def test_a_torn_erase_of_the_old_counter_page_never_raises_the_counter(values: list[int], data: st.DataObject) -> None:
    """While the old page is being erased its records keep their values or vanish."""
    old = b"".join(map(metadata.counter_place, sorted(values))).ljust(PAGE_BYTES, b"\xff")
    new = metadata.counter_place(max(values))

    assert metadata.read_counter(region(data.draw(with_added_ones(old)), new)) == max(values)


COUNTERS = {
    "blank pages": (region(), 0),
    "zeros, which are no records": (bytes(4 * PAGE_BYTES), 0),
    "one place": (region(metadata.counter_place(5)), 5),
    "a torn value behind a whole place": (region(metadata.counter_place(5) + b"\x07" + b"\xff" * 15), 5),
    "a value without a witness": (region(metadata.counter_place(5) + metadata.counter_record(6)), 5),
    "a value with a torn witness": (region(metadata.counter_place(5) + metadata.counter_record(6) + b"\x07"), 6),
    "a witness without a value": (region(metadata.counter_place(5) + b"\x07" + b"\xff" * 15 + metadata.counter_record(6)), 5),
    "a place of all ones in the value": (region(metadata.counter_place(2**64 - 1)), 2**64 - 1),
    "the last place of the second page": (region(b"", b"\xff" * 992 + metadata.counter_place(9)), 9),
    "a place in a journal page, which does not count": (region(b"", b"", metadata.counter_place(9)), 0),
}


@pytest.mark.parametrize("case", COUNTERS)
def test_counters_are_read(case: str) -> None:
    """Each content of the region has the counter that SPEC section 3 gives it."""
    content, counter = COUNTERS[case]

    assert metadata.read_counter(content) == counter


PENDING = metadata.journal_record(JournalKind.PENDING)
STARTED = metadata.journal_record(JournalKind.STARTED, 6)
TORN = b"\x03" + b"\xff" * 7

JOURNALS = {
    "blank pages": (region(), JournalState()),
    "a page without header": (region(b"", b"", b"\xff" * 8 + PENDING), JournalState()),
    "pending": (region(b"", b"", journal_page(1, PENDING)), JournalState(1, pending=True)),
    "started": (region(b"", b"", journal_page(1, PENDING, STARTED)), JournalState(1, pending=True, image_pages=6)),
    "copied": (
        region(b"", b"", journal_page(1, PENDING, STARTED, *(metadata.journal_record(JournalKind.COPIED, n) for n in (1, 2, 3)))),
        JournalState(1, pending=True, image_pages=6, copied_pages=3),
    ),
    "closed": (region(b"", b"", journal_page(1, PENDING, STARTED, metadata.journal_record(4, 0))), JournalState(1, closed=0)),
    "refused": (region(b"", b"", journal_page(1, PENDING, metadata.journal_record(4, 11))), JournalState(1, closed=11)),
    "torn records between whole ones": (
        region(b"", b"", journal_page(1, PENDING, TORN, STARTED, TORN, metadata.journal_record(3, 1), TORN)),
        JournalState(1, pending=True, image_pages=6, copied_pages=1),
    ),
    "records of unknown kinds": (
        region(b"", b"", journal_page(1, PENDING, metadata.journal_record(0), metadata.journal_record(77, 5))),
        JournalState(1, pending=True),
    ),
    "copied more than the image has": (
        region(b"", b"", journal_page(1, PENDING, STARTED, metadata.journal_record(3, 7))),
        JournalState(1, pending=True, image_pages=6),
    ),
    "started without pending": (region(b"", b"", journal_page(1, STARTED)), JournalState(1)),
    "the later of two pages counts": (
        region(b"", b"", journal_page(8, PENDING), journal_page(9, PENDING, STARTED)),
        JournalState(9, pending=True, image_pages=6),
    ),
    "the later page stands first": (region(b"", b"", journal_page(9, PENDING), journal_page(8)), JournalState(9, pending=True)),
    "sequences wrap": (region(b"", b"", journal_page(2**32 - 1), journal_page(0, PENDING)), JournalState(0, pending=True)),
}


@pytest.mark.parametrize("case", JOURNALS)
def test_journals_are_read(case: str) -> None:
    """Each content of the journal pages has the state that SPEC section 4 gives it."""
    content, state = JOURNALS[case]

    assert metadata.read_journal(content) == state


@pytest.mark.parametrize("counter", [0, 1, 2**63])
def test_delivery_state_holds_the_counter_and_no_update(counter: int) -> None:
    """Production leaves one place of the counter at most, and a blank journal."""
    content = metadata.delivery_metadata(counter)

    assert len(content) == 4 * PAGE_BYTES
    assert metadata.read_counter(content) == counter
    assert metadata.read_journal(content) == JournalState()


@pytest.mark.parametrize("sequence", [0, 1, 7, 2**32 - 1])
@pytest.mark.parametrize("active", [2, 3])
def test_pending_is_marked_in_a_fresh_page(active: int, sequence: int) -> None:
    """The active page stays as it is, the other one becomes active, the counter pages are not touched."""
    pages = [metadata.counter_place(5), b"", b"", b""]
    pages[active] = journal_page(sequence, PENDING, STARTED, metadata.journal_record(4, 0))
    before = region(*pages)

    after = metadata.mark_pending(before)

    assert metadata.read_journal(after) == JournalState((sequence + 1) % 2**32, pending=True)
    changed = [n for n in range(4) if before[n * PAGE_BYTES : (n + 1) * PAGE_BYTES] != after[n * PAGE_BYTES : (n + 1) * PAGE_BYTES]]
    assert changed == [5 - active]


@given(st.sampled_from((0, 1, 5, 0xFFFF, 2**63, 2**64 - 2)), st.integers(0, 31))
def test_a_counter_page_is_filled_without_changing_its_value(counter: int, free_places: int) -> None:
    """Exactly the asked number of places stays blank, at the end, and the counter is what it was."""
    content = metadata.fill_counter_page(metadata.delivery_metadata(counter), free_places=free_places)

    assert metadata.read_counter(content) == counter
    blank = BLANK_PAGE[: 32 * free_places]
    assert content[PAGE_BYTES - len(blank) : PAGE_BYTES] == blank
    assert content[PAGE_BYTES - len(blank) - 32 : PAGE_BYTES - len(blank)] != b"\xff" * 32
    assert content[PAGE_BYTES:] == BLANK_PAGE * 3


@given(st.integers(0, 126))
def test_a_journal_page_is_filled_without_changing_its_state(free_records: int) -> None:
    """Exactly the asked number of places stays blank, at the end, and the state is what it was."""
    pending = metadata.mark_pending(metadata.delivery_metadata(1))
    content = metadata.fill_journal_page(pending, free_records=free_records)

    assert metadata.read_journal(content) == metadata.read_journal(pending)
    page = content[2 * PAGE_BYTES : 3 * PAGE_BYTES]
    assert page.endswith(b"\xff" * 8 * free_records)
    assert page[PAGE_BYTES - 8 * free_records - 8 :][:8] != b"\xff" * 8
    assert (content[: 2 * PAGE_BYTES], content[3 * PAGE_BYTES :]) == (pending[: 2 * PAGE_BYTES], pending[3 * PAGE_BYTES :])


@given(st.integers(1, 2**32), st.integers(0, 5), st.data())
def test_torn_records_and_sequence_numbers_do_not_change_what_metadata_means(value: int, torn_places: int, data: st.DataObject) -> None:
    """Whatever tears left in used places, the meaning is the same; only the room is less."""
    records = [metadata.journal_record(JournalKind.PENDING), metadata.journal_record(JournalKind.STARTED, 4), metadata.journal_record(JournalKind.COPIED, 2)]
    plain = region(metadata.counter_place(value), b"", journal_page(1, *records))
    torn = [data.draw(with_added_ones(metadata.journal_record(JournalKind.CLOSED)).filter(_neither_whole_nor_blank)) for _ in range(torn_places)]
    place = data.draw(st.integers(0, len(records)))
    messy = region(metadata.counter_place(value), b"", journal_page(7, *records[:place], *torn, *records[place:]))

    before, after = metadata.read_meaning(plain), metadata.read_meaning(messy)

    assert before.says == after.says == (value, 0, True, 2, True, 4, 2)
    assert after.journal_room == before.journal_room - torn_places
    assert after.counter_room == before.counter_room == PAGE_BYTES // 32 - 1
    assert messy[slice(*after.journal_free)] == b"\xff" * 8 * after.journal_room


def _neither_whole_nor_blank(record: bytes) -> bool:
    return metadata.journal_record_value(record) is None and record.strip(b"\xff") != b""


def test_what_decides_about_the_next_boot_changes_the_meaning() -> None:
    """The counter, whether it is confirmed, its page, the journal's page and its state each tell two regions apart."""
    journal = journal_page(1, metadata.journal_record(JournalKind.PENDING))
    regions = {
        "base": region(metadata.counter_place(1), b"", journal),
        "a greater counter": region(metadata.counter_place(2), b"", journal),
        "in the other page": region(b"", metadata.counter_place(1), journal),
        "not confirmed": region(metadata.counter_record(1) + b"\0" * 16, b"", journal),
        "the journal in the other page": region(metadata.counter_place(1), b"", b"", journal),
        "closed": region(metadata.counter_place(1), b"", journal + metadata.journal_record(JournalKind.CLOSED)),
    }

    meanings = {name: metadata.read_meaning(content) for name, content in regions.items()}

    assert len({meaning.says for meaning in meanings.values()}) == len(regions)
    assert all(meaning.says[0] == metadata.read_counter(regions[name]) for name, meaning in meanings.items())


def test_a_page_is_not_emptied_by_filling() -> None:
    """More free places than the page has are refused, as is a journal that has no page."""
    with pytest.raises(ValueError, match="can't be left free"):
        metadata.fill_counter_page(metadata.delivery_metadata(1), free_places=32)
    with pytest.raises(ValueError, match="no journal page is active"):
        metadata.fill_journal_page(metadata.delivery_metadata(1), free_records=0)


@given(SEEDS, U32, st.lists(SEEDS.map(keys.PublicKey), max_size=KEY_PLACES))
def test_the_identity_page_reads_back(seed: bytes, hardware_revision: int, later: list[keys.PublicKey]) -> None:
    """Key at 0, the revision at 64, a later key in each place from 128 on behind four bytes 0, the rest erased."""
    identity = Identity(keys.PrivateKey.from_seed(seed).public_key, hardware_revision, tuple(later))
    page = build_identity(identity)

    assert read_identity(page) == identity
    assert page[:32] == identity.public_key.raw
    assert page[32:64] == b"\xff" * 32
    assert page[64:68] == hardware_revision.to_bytes(4, "little")
    assert page[68:128] == b"\xff" * 60
    assert page[128:] == b"".join(bytes(4) + key.raw for key in later).ljust(PAGE_BYTES - 128, b"\xff")
    assert [identity.key(number) for number in range(len(later) + 2)] == [identity.public_key, *later, None]


def test_an_identity_out_of_range_is_refused() -> None:
    """A hardware revision has 32 bits, and there are fifteen places for later keys."""
    key = keys.test_key("identity").public_key
    with pytest.raises(ValueError, match="32 bits"):
        build_identity(Identity(key, 2**32))
    with pytest.raises(ValueError, match="16 keys do not fit in 15 places"):
        build_identity(Identity(key, 0, (key,) * 16))


def test_a_place_that_a_cut_spoiled_is_counted() -> None:
    """A place is used once one bit of it is 0: the key behind it keeps its number, and no key is written over it."""
    key = keys.test_key("identity").public_key
    page = bytearray(build_identity(Identity(key, 3, (key, key))))
    page[128:164] = b"\xff" * 35 + b"\xfe"
    assert len(read_identity(bytes(page)).later_keys) == 2
    assert read_identity(bytes(page)).key(2) == key
