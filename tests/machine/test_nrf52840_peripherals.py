"""UARTE, PPI, watchdog, clocks, factory words, and registers that no model answers."""

from __future__ import annotations

from harness.machine.protocol import End
from tests.machine.firmware import WFE, Step, run_script, send32, spin, wait_clear, words, write32
from tests.machine.nrf52840 import run_nrf_script

UART = 0x40002000
STARTRX, STARTTX, STOPTX, ENDRX, ENDTX, TXSTOPPED = UART, UART + 8, UART + 0xC, UART + 0x110, UART + 0x120, UART + 0x158
ENABLE, BAUDRATE, RXD_PTR, RXD_MAXCNT, RXD_AMOUNT = UART + 0x500, UART + 0x524, UART + 0x534, UART + 0x538, UART + 0x53C
TXD_PTR, TXD_MAXCNT, TXD_AMOUNT = UART + 0x544, UART + 0x548, UART + 0x54C
BUFFER = 0x20008000
BAUD_115200 = 0x01D60000
PPI = 0x4001F000
UARTE: tuple[Step, ...] = (write32(ENABLE, 8), write32(BAUDRATE, BAUD_115200))
SEND_FOUR: tuple[Step, ...] = (*UARTE, write32(BUFFER, 0x21696821), write32(TXD_PTR, BUFFER), write32(TXD_MAXCNT, 4), write32(STARTTX, 1))
BACK_TO_UART: tuple[Step, ...] = (write32(ENABLE, 4), write32(BAUDRATE, 0xFFFFFFFF), write32(STARTTX, 1))


def test_easy_dma_sends_what_is_in_ram() -> None:
    """Four bytes go out; ENDTX is set after them, and AMOUNT tells how many."""
    trace = run_nrf_script(*SEND_FOUR, spin(20_000), *BACK_TO_UART, send32(ENDTX), send32(TXD_AMOUNT))
    assert trace.uart[:4] == b"!hi!"
    assert words(trace.uart[4:]) == [1, 4]


def test_ppi_stops_the_transmitter() -> None:
    """ENDTX wired to STOPTX: TXSTOPPED follows without code, as polled drivers wait for it."""
    wire = (write32(PPI + 0x510, ENDTX), write32(PPI + 0x514, STOPTX), write32(PPI + 0x504, 1))
    with_wire = run_nrf_script(*wire, *SEND_FOUR, spin(20_000), *BACK_TO_UART, send32(TXSTOPPED))
    without = run_nrf_script(*SEND_FOUR, spin(20_000), *BACK_TO_UART, send32(TXSTOPPED))
    assert (words(with_wire.uart[4:]), words(without.uart[4:])) == ([1], [0])


def test_easy_dma_receives_into_ram() -> None:
    """The host's bytes land in RAM, and ENDRX comes with the last that fits."""
    receive = (*UARTE, write32(RXD_PTR, BUFFER), write32(RXD_MAXCNT, 4), write32(STARTRX, 1), spin(20_000))
    trace = run_nrf_script(*receive, *BACK_TO_UART, send32(BUFFER), send32(ENDRX), send32(RXD_AMOUNT), uart_input=b"abcdef")
    assert words(trace.uart) == [int.from_bytes(b"abcd", "little"), 1, 4]


def test_easy_dma_outside_of_ram_ends_the_boot() -> None:
    """EasyDMA reaches data RAM only."""
    trace = run_nrf_script(*UARTE, write32(TXD_PTR, 0x4000), write32(TXD_MAXCNT, 4), write32(STARTTX, 1))
    assert (trace.end, trace.end_detail) == (End.UNSUPPORTED, "EasyDMA of 4 bytes at 0x00004000, outside of data RAM")


def test_the_watchdog_resets_on_time_unless_it_is_fed() -> None:
    """CRV 327 is 328 ticks of 32.768 kHz, 10 ms."""
    start = (write32(0x40010504, 327), write32(0x40010000, 1))
    trace = run_nrf_script(*start)
    assert (trace.end, trace.end_detail) == (End.WATCHDOG, "watchdog ran out during WFI or WFE")
    assert 10_000_000_000 < trace.time_ps < 10_200_000_000
    fed = run_nrf_script(*start, spin(10_000), write32(0x40010600, 0x6E524635))
    assert fed.time_ps > trace.time_ps
    assert 0 < fed.watchdog_longest_ps < fed.watchdog_period_ps == 10_009_765_625


def test_the_longest_watchdog_does_not_wrap() -> None:
    """CRV = 0xFFFFFFFF is 36 hours, more than time is counted for: it waits as long as a timer can, and no boot ends early by it."""
    start = (write32(0x40010504, 0xFFFFFFFF), write32(0x40010000, 1))
    trace = run_nrf_script(*start, spin(1000), write32(0x40010600, 0x6E524635), spin(1000))
    assert (trace.end, trace.time_ps) == (End.WATCHDOG, (2**64 - 1) // 2 // 1000)
    assert trace.watchdog_period_ps > 9_000 * 10**12 > trace.watchdog_longest_ps


def test_a_compare_beyond_countable_time_does_not_wrap() -> None:
    """A TIMER of 32 bits at its slowest compares after 38 hours: the core sleeps on, and nothing fires early."""
    timer, compare = 0x40008000, 0xFFFFFFFF
    setup = (write32(timer + 0x508, 3), write32(timer + 0x510, 9), write32(timer + 0x540, compare), write32(timer + 0x304, 1 << 16))
    trace = run_nrf_script(*setup, write32(0xE000E100, 1 << 8), write32(timer, 1), spin(1000), send32(timer + 0x140))
    assert words(trace.uart) == [0]


def test_the_crystal_starts_in_its_time() -> None:
    """HFCLKSTARTED comes 360 us after the task, and HFCLKSTAT then names the crystal."""
    trace = run_nrf_script(write32(0x40000000, 1), send32(0x40000100), spin(10_000), send32(0x40000100), send32(0x4000040C))
    assert words(trace.uart) == [0, 1, 0x10001]


def test_the_slow_clock_changes_its_source_without_a_stop() -> None:
    """As drivers start it: from RC first, then from the crystal, which takes over after 250 ms while the RTC counts on."""
    start, started, source, status, events_pend = 0x40000008, 0x40000104, 0x40000518, 0x40000418, 0xE000ED10
    trace = run_nrf_script(
        write32(source, 0), write32(start, 1), spin(10_000), send32(started), send32(status), write32(started, 0), write32(0x40011000, 1),
        write32(source, 1), write32(start, 1), spin(10_000), send32(started), send32(status),
        write32(0x40000304, 2), write32(events_pend, 0x10), WFE, send32(started), send32(status), send32(0x40011504),
    )  # fmt: skip
    assert words(trace.uart) == [1, 0x10000, 0, 0x10000, 1, 0x10001, 8192]


def test_factory_words() -> None:
    """FICR tells the part, its page size and its flash; what it does not name reads as erased."""
    trace = run_nrf_script(send32(0x10000100), send32(0x10000010), send32(0x10000110), send32(0x10000200))
    assert words(trace.uart) == [0x52840, 4096, 1024, 0xFFFFFFFF]


def test_registers_without_a_model_begin_with_the_values_of_the_manual() -> None:
    """Pins not connected, frequencies and calibrations as after a reset; the last entries of rows and tables, too."""
    expected = {0x40000980: 0xFFFF, 0x40003508: 0xFFFFFFFF, 0x40004524: 0x04000000, 0x4000758C: 0x7FFF8000, 0x4000C570: 0x50, 0x40022548: 1, 0x40029640: 0x200}
    assert words(run_nrf_script(*map(send32, expected)).uart) == list(expected.values())


def test_registers_without_a_model_are_counted() -> None:
    """They hold what is written and are reported by address, on either chip; modelled ones are not reported."""
    steps = (write32(0x4000D508, 5), send32(0x4000D508), wait_clear(0x4000D100, 1))
    trace = run_nrf_script(*steps)
    assert words(trace.uart) == [5]
    assert dict(trace.unmodelled) == {0x4000D508: 2, 0x4000D100: 1}
    assert run_nrf_script(send32(0x40000400)).unmodelled == ()
    assert dict(run_script(write32(0x40005400, 1)).unmodelled) == {0x40005400: 1}
