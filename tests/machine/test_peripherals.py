"""Clocks, UART timing, SysTick, the cycle counter, the watchdog, pins, and what is not modelled."""

from __future__ import annotations

import pytest

from harness.machine.protocol import End, NonVolatile
from tests.machine.firmware import AR, CR, PER, STRT, UNLOCK, Step, compile_program, make_machine, run_script, send32, spin, words, write32

RCC_CR, RCC_CFGR, RCC_CSR, RCC_APB2ENR = 0x40021000, 0x40021004, 0x40021024, 0x40021018
USART_SR, USART_DR, USART_BRR = 0x40013800, 0x40013804, 0x40013808
SYST_CSR, SYST_RVR, SYST_CVR = 0xE000E010, 0xE000E014, 0xE000E018
DWT_CTRL, DWT_CYCCNT, DEMCR = 0xE0001000, 0xE0001004, 0xE000EDFC
HSE_ON, PLL_ON = 0x10000, 0x1000000
PLL_FROM_HSE_TIMES_9 = 0x001D0000

TO_72_MHZ: tuple[Step, ...] = (
    write32(RCC_CR, 0x83 | HSE_ON),
    write32(RCC_CFGR, PLL_FROM_HSE_TIMES_9),
    write32(RCC_CR, 0x83 | HSE_ON | PLL_ON),
    write32(RCC_CFGR, PLL_FROM_HSE_TIMES_9 | 2),
)


def test_reset_flags_are_those_of_power_on() -> None:
    """PORRSTF and PINRSTF are set until RMVF clears them."""
    trace = run_script(send32(RCC_CSR), write32(RCC_CSR, 1 << 24), send32(RCC_CSR))
    assert words(trace.uart) == [0x0C000000, 0]


def test_the_clock_switches_when_its_source_runs() -> None:
    """SWS follows SW only if the source is on; oscillators are ready at once."""
    trace = run_script(send32(RCC_CR), write32(RCC_CFGR, 2), send32(RCC_CFGR), *TO_72_MHZ, send32(RCC_CFGR), send32(RCC_CR))
    assert words(trace.uart) == [0x83, 2, PLL_FROM_HSE_TIMES_9 | 2 | 2 << 2, 0x83 | HSE_ON * 3 | PLL_ON * 3]


@pytest.mark.parametrize(("steps", "factor"), [((), 1), (TO_72_MHZ, 9), ((write32(RCC_CFGR, 0x80),), 0.5)])
def test_instructions_take_time_by_the_core_clock(steps: tuple[Step, ...], factor: float) -> None:
    """The same loop takes a ninth of the time at 72 MHz, and twice as long with the bus clock halved."""
    base = run_script(*steps)
    long = run_script(*steps, spin(100_000), budget=10_000_000)
    middle_cycles = (long.cycles_low + long.cycles_high - base.cycles_low - base.cycles_high) / 2
    assert long.time_ps - base.time_ps == pytest.approx(middle_cycles * 125_000 / factor, rel=1e-6)


def test_a_byte_takes_ten_bits_on_the_line() -> None:
    """A text of 100 bytes at 9600 baud takes what 1000 bits take, as the firmware polls TXE for each."""
    steps = (write32(USART_BRR, 833), *(send32(RCC_CFGR),) * 25)
    trace = run_script(*steps, budget=10_000_000)
    byte_ps = 10 * 833 * 125_000
    assert len(trace.uart) == 100
    assert 98 * byte_ps <= trace.time_ps < 100 * byte_ps


def test_a_byte_written_while_the_register_is_full_is_lost() -> None:
    """Three writes at once: one is being sent, and the last one overwrites the second."""
    trace = run_script(write32(USART_BRR, 833), write32(USART_DR, 65), write32(USART_DR, 66), write32(USART_DR, 67))
    assert trace.uart == b"AC"


def test_usart_by_interrupt_and_nmi() -> None:
    """TXE and TC send a text from a sleeping core, RXNE echoes the host's bytes as they come, and NMI preempts under FAULTMASK, once at a time."""
    flash = compile_program("usart.c").flash()
    traces = [make_machine().boot(NonVolatile(flash), seed=seed, instruction_budget=100_000, uart_input=b"abcd") for seed in (1, 1, 2)]
    assert [(trace.uart, trace.end) for trace in traces] == [(b"hello, abcN", End.SLEEPING)] * 3
    assert traces[0] == traces[1]
    byte_ps = 10 * 69 * 125_000
    assert 9 * byte_ps <= traces[0].time_ps < 10 * byte_ps


def test_an_interrupt_that_never_comes_is_waited_for() -> None:
    """With no input left the core sleeps for good."""
    trace = make_machine().boot(NonVolatile(compile_program("usart.c").flash()), seed=1, instruction_budget=100_000, uart_input=b"a")
    assert (trace.uart, trace.end) == (b"hello, a", End.SLEEPING)


def test_tc_clears_by_a_zero_and_comes_back_with_the_next_frame() -> None:
    """SR shows TXE alone after TC was written 0, and both again when another byte is out."""
    trace = run_script(write32(USART_DR, 65), spin(100), write32(USART_SR, 0xFFFFFFBF), send32(USART_SR), spin(100), send32(USART_SR))
    assert words(trace.uart[1:]) == [0x80, 0xC0]


def test_the_uart_is_dead_without_its_clock() -> None:
    """Registers read 0 and ignore writes until APB2ENR enables them."""
    trace = run_script(write32(RCC_APB2ENR, 0), write32(USART_DR, 65), write32(RCC_APB2ENR, 0x4000), send32(USART_BRR))
    assert words(trace.uart) == [1]


def test_systick_counts_cycles() -> None:
    """The counter runs from its reload value at the core clock, and COUNTFLAG tells once that it passed zero."""
    trace = run_script(
        *(write32(SYST_RVR, 999_999), write32(SYST_CVR, 0), write32(SYST_CSR, 5), send32(SYST_CSR), spin(1000), send32(SYST_CVR)),
        *(write32(SYST_RVR, 99), write32(SYST_CVR, 0), spin(1000), send32(SYST_CSR), write32(SYST_CSR, 0)),
        *(write32(SYST_CVR, 0), send32(SYST_CSR), send32(SYST_CVR)),
    )
    running, value, wrapped, cleared, zero = words(trace.uart)
    assert (running, wrapped, cleared, zero) == (5, 0x10005, 0, 0)
    assert 985_000 < value < 999_000


def test_the_cycle_counter_counts_what_time_does() -> None:
    """CYCCNT runs with TRCENA and CYCCNTENA, stands still without, and takes a written value."""
    enable = (write32(DEMCR, 1 << 24), write32(DWT_CTRL, 1))
    trace = run_script(
        send32(DWT_CYCCNT), *enable, write32(DWT_CYCCNT, 0), spin(1000), send32(DWT_CYCCNT),
        write32(DWT_CTRL, 0), write32(DWT_CYCCNT, 7), spin(10), send32(DWT_CYCCNT), send32(DWT_CTRL),
    )  # fmt: skip
    still, counted, frozen, control = words(trace.uart)
    assert (still, frozen, control) == (0, 7, 0x40000000)
    assert 5000 < counted < 12000


def test_the_cycle_counter_counts_flash_stalls() -> None:
    """A page erase of 30 ms at 8 MHz stalls the core for 240,000 cycles."""
    trace = run_script(
        *(write32(DEMCR, 1 << 24), write32(DWT_CTRL, 1), *UNLOCK, write32(CR, PER), write32(AR, 0x0800A000)),
        *(write32(DWT_CYCCNT, 0), write32(CR, PER | STRT), send32(DWT_CYCCNT)),
    )
    assert 240_000 <= words(trace.uart)[0] < 240_100


def test_a_fed_watchdog_does_not_bite() -> None:
    """Fed five times, each time before its 4 ms are over, it bites 4 ms after the last; without the key its registers are locked."""
    start = (write32(0x40003000, 0x5555), write32(0x40003008, 39), write32(0x40003000, 0xCCCC))
    feed = (spin(1500), write32(0x40003000, 0xAAAA))
    fed = run_script(*start, *feed * 5, write32(0x40003008, 1), send32(0x40003008), budget=10_000_000)
    assert words(fed.uart) == [39]
    assert fed.end == End.WATCHDOG
    assert fed.time_ps > 12_000_000_000


def test_pins_are_plain_storage() -> None:
    """BSRR and BRR change ODR, configuration reads back, and nothing of it counts as not modelled."""
    odr, bsrr, brr, crh = 0x4001100C, 0x40011010, 0x40011014, 0x40011004
    trace = run_script(send32(crh), write32(bsrr, 0x3), write32(brr, 0x1), send32(odr), write32(bsrr, 0x00020004), send32(odr))
    assert words(trace.uart) == [0x44444444, 2, 4]
    assert trace.unmodelled == ()


def test_what_is_not_modelled_is_counted() -> None:
    """A timer's registers keep what is written but every access is told."""
    trace = run_script(write32(0x40012C2C, 5), send32(0x40012C2C), send32(0xE0002000))
    assert words(trace.uart) == [5, 0]
    assert trace.unmodelled == ((0x40012C2C, 2), (0xE0002000, 1))


def test_registers_without_a_model_begin_with_the_values_of_the_manual() -> None:
    """They are told as not modelled all the same, hold what is written, and read the manual's value again after the next reset."""
    addresses = (0x40002C00, 0x40004400, 0x40004800, 0x40005820, 0x40012424, 0x40023000)
    values = [0x7F, 0xC0, 0xC0, 2, 0xFFF, 0xFFFFFFFF]
    trace = run_script(*map(send32, addresses), *(write32(address, 5) for address in addresses), send32(addresses[0]))
    assert words(trace.uart) == [*values, 5]
    assert dict(trace.unmodelled) == {address: 3 if address == addresses[0] else 2 for address in addresses}
    assert words(run_script(*map(send32, addresses)).uart) == values


def test_core_identification() -> None:
    """CPUID is a Cortex-M3 r1p1, the device id is medium density."""
    assert words(run_script(send32(0xE000ED00), send32(0xE0042000)).uart) == [0x411FC231, 0x20036410]
