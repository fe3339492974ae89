/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* nRF52840: which peripheral a register belongs to, clocks, power and pins. */
#include "machine.h"

#include <string.h>

#define NVMC_ADDRESS 0x4001E000u
#define PERIPHERALS_END 0x40040000u
#define PERIPHERAL_BYTES 0x1000u
#define GPIO_PORT_BYTES 0x300u

#define TASK_HFCLKSTART 0x00u
#define TASK_HFCLKSTOP 0x04u
#define TASK_LFCLKSTART 0x08u
#define TASK_LFCLKSTOP 0x0Cu
#define EVENT_HFCLKSTARTED 0x100u
#define EVENT_LFCLKSTARTED 0x104u
#define REGISTER_RESETREAS 0x400u
#define REGISTER_HFCLKRUN 0x408u
#define REGISTER_HFCLKSTAT 0x40Cu
#define REGISTER_LFCLKRUN 0x414u
#define REGISTER_LFCLKSTAT 0x418u
#define REGISTER_LFCLKSRCCOPY 0x41Cu
#define REGISTER_SYSTEMOFF 0x500u
#define REGISTER_GPREGRET 0x51Cu
#define REGISTER_GPREGRET2 0x520u
#define GPREGRET_VALUE 0xFFu
#define RESETREAS_DOG 0x2u
#define RESETREAS_SREQ 0x4u
#define RESETREAS_LOCKUP 0x8u
#define REGISTER_LFCLKSRC 0x518u
#define CLOCK_RUNS 0x10000u
#define CLOCK_SOURCE 0x3u
#define SOURCE_CRYSTAL 1u
#define MICROSECOND_FS 1000000000u
#define HFXO_START_US 360u    /* PS 5.4.4.2: t_START,HFXO, typical */
#define LFRC_START_US 600u    /* PS 5.4.4.4: t_START,LFRC, typical */
#define LFXO_START_US 250000u /* PS 5.4.4.3: t_START,LFXO, typical */

#define GPIO_OUT 0x504u
#define GPIO_OUTSET 0x508u
#define GPIO_OUTCLR 0x50Cu
#define GPIO_IN 0x510u
#define GPIO_DIR 0x514u
#define GPIO_DIRSET 0x518u
#define GPIO_DIRCLR 0x51Cu
#define GPIO_PIN_CNF 0x700u
#define PIN_CNF_AFTER_RESET 0x2u
#define PIN_CNF_PULL 0xCu
#define PINS 32u

#define POWER_RETAINED_WORDS 3u

static uint32_t *power(struct machine *m, uint32_t offset)
{
    return nrf_register(m, NRF_POWER, offset);
}

static void start_low_clock(struct machine *m)
{
    uint32_t start_us = (*power(m, REGISTER_LFCLKSRC) & CLOCK_SOURCE) == SOURCE_CRYSTAL ? LFXO_START_US : LFRC_START_US;

    *power(m, REGISTER_LFCLKRUN) = 1;
    *power(m, REGISTER_LFCLKSRCCOPY) = *power(m, REGISTER_LFCLKSRC);
    if (m->nrf.low_clock_fs == 0 && !m->nrf.low_clock_runs) {
        m->nrf.low_clock_fs = clock_fs(m, m->instructions) + (uint64_t)start_us * MICROSECOND_FS;
    }
}

static void clock_task(struct machine *m, uint32_t offset)
{
    switch (offset) {
    case TASK_HFCLKSTART:
        *power(m, REGISTER_HFCLKRUN) = 1;
        m->nrf.high_clock_fs = clock_fs(m, m->instructions) + (uint64_t)HFXO_START_US * MICROSECOND_FS;
        break;
    case TASK_HFCLKSTOP:
        *power(m, REGISTER_HFCLKRUN) = 0;
        *power(m, REGISTER_HFCLKSTAT) = CLOCK_RUNS;
        m->nrf.high_clock_fs = 0;
        break;
    case TASK_LFCLKSTART:
        start_low_clock(m);
        break;
    case TASK_LFCLKSTOP:
        nrf_counter_hold(m);
        *power(m, REGISTER_LFCLKRUN) = 0;
        *power(m, REGISTER_LFCLKSTAT) = 0;
        m->nrf.low_clock_runs = false;
        m->nrf.low_clock_fs = 0;
        break;
    default:
        break;
    }
    machine_schedule(m);
}

static void run_clocks(struct machine *m, uint64_t now_fs)
{
    if (m->nrf.high_clock_fs != 0 && now_fs >= m->nrf.high_clock_fs) {
        m->nrf.high_clock_fs = 0;
        *power(m, REGISTER_HFCLKSTAT) = CLOCK_RUNS | SOURCE_CRYSTAL;
        nrf_event(m, NRF_POWER, EVENT_HFCLKSTARTED);
    }
    if (m->nrf.low_clock_fs != 0 && now_fs >= m->nrf.low_clock_fs) {
        m->nrf.low_clock_fs = 0;
        m->nrf.low_clock_runs = true;
        *power(m, REGISTER_LFCLKSTAT) = CLOCK_RUNS | (*power(m, REGISTER_LFCLKSRCCOPY) & CLOCK_SOURCE);
        nrf_counter_release(m);
        nrf_event(m, NRF_POWER, EVENT_LFCLKSTARTED);
    }
}

static void write_power(struct machine *m, uint32_t offset, uint32_t value)
{
    if (offset == REGISTER_RESETREAS) {
        *power(m, offset) &= ~value;
    } else if (offset == REGISTER_GPREGRET || offset == REGISTER_GPREGRET2) {
        *power(m, offset) = value & GPREGRET_VALUE;
    } else if (offset == REGISTER_SYSTEMOFF) {
        if (value == 1) {
            machine_end(m, END_SLEEPING, m->block_address, m->instructions, "System OFF");
        }
    } else if (offset < REGISTER_RESETREAS || offset > REGISTER_LFCLKSRCCOPY) {
        *power(m, offset) = value;
    }
}

/* An input reads its pull resistor: nothing is connected. */
static uint32_t read_pins(struct machine *m, uint32_t base)
{
    uint32_t direction = *bus_word(m, base + GPIO_DIR);
    uint32_t value = *bus_word(m, base + GPIO_OUT) & direction;

    for (uint32_t pin = 0; pin < PINS; pin++) {
        bool pulled_up = (*bus_word(m, base + GPIO_PIN_CNF + 4 * pin) & PIN_CNF_PULL) == PIN_CNF_PULL;

        value |= pulled_up && (direction >> pin & 1u) == 0 ? UINT32_C(1) << pin : 0;
    }
    return value;
}

/* OUT and DIR with their set and clear registers; `first` is the plain one. */
static void write_pin_mask(struct machine *m, uint32_t base, uint32_t first, uint32_t offset, uint32_t value)
{
    uint32_t *word = bus_word(m, base + first);

    *word = offset == first ? value : offset == first + 4 ? *word | value : *word & ~value;
    *bus_word(m, base + first + 4) = *word;
    *bus_word(m, base + first + 8) = *word;
}

static void write_pin(struct machine *m, uint32_t address, uint32_t value)
{
    uint32_t base = BUS_SECOND_ADDRESS + ((address - BUS_SECOND_ADDRESS) >= 0x800u ? GPIO_PORT_BYTES : 0);
    uint32_t offset = address - base;

    if (offset >= GPIO_OUT && offset <= GPIO_OUTCLR) {
        write_pin_mask(m, base, GPIO_OUT, offset, value);
    } else if (offset >= GPIO_DIR && offset <= GPIO_DIRCLR) {
        write_pin_mask(m, base, GPIO_DIR, offset, value);
    } else {
        *bus_word(m, address) = value;
        if (offset >= GPIO_PIN_CNF && offset < GPIO_PIN_CNF + 4 * PINS) {
            uint32_t pin = UINT32_C(1) << (offset - GPIO_PIN_CNF) / 4;

            write_pin_mask(m, base, GPIO_DIR, (value & 1u) != 0 ? GPIO_DIRSET : GPIO_DIRCLR, pin);
        }
    }
}

static bool next_event(const struct machine *m, uint64_t *fs)
{
    const uint64_t clocks[2] = {m->nrf.high_clock_fs, m->nrf.low_clock_fs};
    uint64_t other;
    bool found = nrf_uart_next(m, fs);

    if (nrf_counter_next(m, &other) && (!found || other < *fs)) {
        *fs = other;
        found = true;
    }
    for (uint32_t index = 0; index < 2; index++) {
        if (clocks[index] != 0 && (!found || clocks[index] < *fs)) {
            *fs = clocks[index];
            found = true;
        }
    }
    return found;
}

static void run_events(struct machine *m)
{
    run_clocks(m, clock_fs(m, m->instructions));
    nrf_uart_run(m);
    nrf_counter_run(m);
}

static bool is_modelled(uint32_t peripheral, uint32_t *counter)
{
    return nrf_counter_find(peripheral, counter) || peripheral == NRF_POWER || peripheral == NRF_UART ||
           peripheral == NRF_WDT || peripheral == NRF_PPI;
}

static uint32_t read_register(struct machine *m, uint32_t address)
{
    uint32_t peripheral = (address - BUS_PERIPHERAL_ADDRESS) / PERIPHERAL_BYTES;
    uint32_t offset = address % PERIPHERAL_BYTES;
    uint32_t counter;

    if (address >= BUS_SECOND_ADDRESS) {
        uint32_t base = BUS_SECOND_ADDRESS + (offset >= 0x800u ? GPIO_PORT_BYTES : 0);

        waiting_disturb(m);
        return address - base == GPIO_IN ? read_pins(m, base) : *bus_word(m, address);
    }
    run_events(m);
    if (peripheral == NRF_UART) {
        return nrf_uart_read(m, offset);
    }
    waiting_disturb(m);
    if (!is_modelled(peripheral, &counter)) {
        bus_count_unmodelled(m, address);
    }
    return counter < NRF_COUNTERS ? nrf_counter_read(m, counter, offset) : *bus_word(m, address);
}

static void task(struct machine *m, uint32_t peripheral, uint32_t counter, uint32_t offset)
{
    if (counter < NRF_COUNTERS) {
        nrf_counter_task(m, counter, offset);
    } else if (peripheral == NRF_UART) {
        nrf_uart_task(m, offset);
    } else if (peripheral == NRF_POWER) {
        clock_task(m, offset);
    } else if (peripheral == NRF_WDT && offset == 0) {
        nrf_watchdog_start(m);
    }
}

static void write_modelled(struct machine *m, uint32_t peripheral, uint32_t counter, uint32_t offset, uint32_t value)
{
    if (offset < NRF_EVENTS && peripheral != NRF_PPI) {
        if (value == 1) {
            task(m, peripheral, counter, offset);
        }
    } else if (nrf_write_shared(m, peripheral, offset, value)) {
        machine_schedule(m);
    } else if (counter < NRF_COUNTERS) {
        nrf_counter_write(m, counter, offset, value);
    } else if (peripheral == NRF_UART) {
        nrf_uart_write(m, offset, value);
    } else if (peripheral == NRF_POWER) {
        write_power(m, offset, value);
    } else if (peripheral == NRF_PPI) {
        *nrf_register(m, peripheral, offset) = value;
        machine_schedule(m);
    }
}

static void write_register(struct machine *m, uint32_t address, uint32_t value)
{
    uint32_t peripheral = (address - BUS_PERIPHERAL_ADDRESS) / PERIPHERAL_BYTES;
    uint32_t offset = address % PERIPHERAL_BYTES;
    uint32_t counter;

    m->bus.storage_used = true;
    if (address >= BUS_SECOND_ADDRESS) {
        waiting_disturb(m);
        write_pin(m, address, value);
        return;
    }
    if (m->nrf.event_depth == 0) {
        run_events(m);
    }
    if (peripheral == NRF_WDT && offset >= NRF_SHORTS && nrf_watchdog_write(m, offset, value)) {
        m->waiting.fed = true;
        return;
    }
    waiting_disturb(m);
    if (is_modelled(peripheral, &counter)) {
        write_modelled(m, peripheral, counter, offset, value);
    } else {
        bus_count_unmodelled(m, address);
        *bus_word(m, address) = value;
    }
}

static void store(struct machine *m, const struct flash_store *store)
{
    uint32_t offset;

    if (store->address - m->config.nvmc_address < NVMC_BLOCK_BYTES) {
        nvmc_write(m, store);
    } else if (flash_locate(m, store->address, &offset)) {
        nvmc_store_flash(m, store);
    } else {
        nvmc_store_option(m, store);
    }
}

static uint32_t *controller_registers(struct machine *m, uint32_t *address, uint32_t *size_bytes)
{
    *address = m->config.nvmc_address;
    *size_bytes = NVMC_BLOCK_BYTES;
    return m->nvmc.registers;
}

/*
 * PS 5.3.7, reset behavior. A soft reset, and that of a lockup, keep RAM, GPREGRET and a running watchdog; after a reset by the
 * watchdog they are reset, and RAM may be corrupted, which noise stands for. RESETREAS is cumulative: only power-on clears it.
 */
static const uint32_t power_retained[POWER_RETAINED_WORDS] = {REGISTER_RESETREAS, REGISTER_GPREGRET, REGISTER_GPREGRET2};

static void retain(const struct machine *m, struct retained *retained)
{
    static const uint32_t causes[] = {
        [END_RESET] = RESETREAS_SREQ, [END_WATCHDOG] = RESETREAS_DOG, [END_LOCKUP] = RESETREAS_LOCKUP};
    struct machine *readable = (struct machine *)(uintptr_t)m;
    uint32_t cause = m->end <= END_LOCKUP ? causes[m->end] : 0;

    retained->restarts = cause != 0;
    retained->keeps_ram = cause != 0 && cause != RESETREAS_DOG;
    retained->words[0] = *power(readable, REGISTER_RESETREAS) | cause;
    if (retained->keeps_ram) {
        retained->words[1] = *power(readable, REGISTER_GPREGRET);
        retained->words[2] = *power(readable, REGISTER_GPREGRET2);
        nrf_watchdog_retain(m, retained->words + POWER_RETAINED_WORDS);
    }
}

static void reset(struct machine *m, const struct boot_request *request)
{
    const uint32_t *words = request->retained == NULL ? NULL : request->retained->words;

    memset(&m->nrf, 0, sizeof(m->nrf));
    memmove(m->option_bytes.cells, request->option_bytes, m->config.option_size_bytes);
    usart_reset(m, request->uart_input, request->uart_input_bytes);
    nvmc_reset(m);
    nrf_uart_reset(m);
    nrf_counter_reset(m);
    nrf_watchdog_reset(m, words == NULL ? NULL : words + POWER_RETAINED_WORDS);
    for (uint32_t index = 0; words != NULL && index < POWER_RETAINED_WORDS; index++) {
        m->bus.storage_used = true;
        *power(m, power_retained[index]) = words[index];
    }
    *power(m, REGISTER_HFCLKSTAT) = CLOCK_RUNS;
    for (uint32_t pin = 0; pin < PINS; pin++) {
        *bus_word(m, BUS_SECOND_ADDRESS + GPIO_PIN_CNF + 4 * pin) = PIN_CNF_AFTER_RESET;
        *bus_word(m, BUS_SECOND_ADDRESS + GPIO_PORT_BYTES + GPIO_PIN_CNF + 4 * pin) = PIN_CNF_AFTER_RESET;
    }
}

const struct chip chip_nrf52840 = {
    .cpu_model = UC_CPU_ARM_CORTEX_M4,
    .cpuid = 0x410FC241u, /* Cortex-M4 r0p1 */
    .priority_mask = 0xE0u, /* PS 4.1: three bits of priority */
    .mpu_regions = 8,
    .has_fpu = true,
    .interrupts = 48,
    .storage_bytes = PERIPHERALS_END - BUS_PERIPHERAL_ADDRESS + BUS_SECOND_BYTES,
    .windows = {{BUS_PERIPHERAL_ADDRESS, NVMC_ADDRESS},
                {NVMC_ADDRESS + NVMC_BLOCK_BYTES, PERIPHERALS_END},
                {BUS_SECOND_ADDRESS, BUS_SECOND_ADDRESS + BUS_SECOND_BYTES}},
    .watchdog_name = "watchdog",
    .uart_name = "UARTE0",
    .controller_registers = controller_registers,
    .reset = reset,
    .retain = retain,
    .read = read_register,
    .write = write_register,
    .store = store,
    .advance = nvmc_advance,
    .next_event = next_event,
    .run_events = run_events,
};
