/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* nRF51822 and nRF52840: which peripheral a register belongs to, and what differs between the two. */
#include "machine.h"

#include <string.h>

#define NVMC_ADDRESS 0x4001E000u
#define PERIPHERALS_END 0x40040000u
#define PERIPHERAL_BYTES 0x1000u
#define NRF51_COUNTERS 0x67u /* TIMER0 to TIMER2, RTC0, RTC1 */

static bool next_event(const struct machine *m, uint64_t *fs)
{
    uint64_t other;
    bool found = nrf_uart_next(m, fs);

    if (nrf_counter_next(m, &other) && (!found || other < *fs)) {
        *fs = other;
        found = true;
    }
    if (nrf_power_next(m, &other) && (!found || other < *fs)) {
        *fs = other;
        found = true;
    }
    return found;
}

static void run_events(struct machine *m)
{
    nrf_power_run(m);
    nrf_uart_run(m);
    nrf_counter_run(m);
}

static bool is_modelled(const struct machine *m, uint32_t peripheral, uint32_t *counter)
{
    if (nrf_counter_find(peripheral, counter)) {
        return (m->chip->nrf->counters >> *counter & 1u) != 0;
    }
    return peripheral == NRF_POWER || peripheral == NRF_UART ||
           peripheral == NRF_WDT || peripheral == NRF_PPI;
}

static uint32_t read_register(struct machine *m, uint32_t address)
{
    uint32_t peripheral = (address - BUS_PERIPHERAL_ADDRESS) / PERIPHERAL_BYTES;
    uint32_t offset = address % PERIPHERAL_BYTES;
    uint32_t counter;

    if (address >= BUS_SECOND_ADDRESS) {
        waiting_disturb(m);
        return nrf_gpio_read(m, address);
    }
    run_events(m);
    if (peripheral == NRF_UART) {
        return nrf_uart_read(m, offset);
    }
    waiting_disturb(m);
    if (!is_modelled(m, peripheral, &counter)) {
        bus_count_unmodelled(m, address);
        return *bus_word(m, address);
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
        nrf_power_task(m, offset);
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
        nrf_power_write(m, offset, value);
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
        nrf_gpio_write(m, address, value);
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
    if (is_modelled(m, peripheral, &counter)) {
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

static void retain(const struct machine *m, struct retained *retained)
{
    if (nrf_power_retain(m, retained)) {
        nrf_watchdog_retain(m, retained->words + NRF_POWER_RETAINED_WORDS);
    }
}

static void reset(struct machine *m, const struct boot_request *request)
{
    const uint32_t *words = request->retained == NULL ? NULL : request->retained->words;

    memset(&m->nrf, 0, sizeof(m->nrf));
    memmove(m->option_bytes.cells, request->option_bytes, m->config.option_size_bytes);
    usart_reset(m, request->uart_input, request->uart_input_bytes);
    nvmc_reset(m, request);
    nrf_uart_reset(m);
    nrf_counter_reset(m);
    nrf_watchdog_reset(m, words == NULL ? NULL : words + NRF_POWER_RETAINED_WORDS);
    nrf_power_reset(m, words);
    nrf_gpio_reset(m);
}

/* What all of them have in common, as the first entries of a table. */
#define NRF_CHIP                                                                                                   \
    .storage_bytes = PERIPHERALS_END - BUS_PERIPHERAL_ADDRESS + BUS_SECOND_BYTES,                                  \
    .windows = {{BUS_PERIPHERAL_ADDRESS, NVMC_ADDRESS},                                                            \
                {NVMC_ADDRESS + NVMC_BLOCK_BYTES, PERIPHERALS_END},                                                \
                {BUS_SECOND_ADDRESS, BUS_SECOND_ADDRESS + BUS_SECOND_BYTES}},                                      \
    .watchdog_name = "watchdog", .controller_registers = controller_registers, .reset = reset, .retain = retain,   \
    .read = read_register, .write = write_register, .store = store, .advance = nvmc_advance,                       \
    .complete = nvmc_complete, .next_event = next_event,                                                           \
    .run_events = run_events, .uart_takes = nrf_uart_takes, .uart_silent_fs = nrf_uart_silent_fs,                  \
    .uart_arrives = nrf_uart_arrives

static const struct nrf_family nrf52 = {
    .ports = 2,
    .ppi_channels = 20,
    .counters = 0xFFu,
    .has_easy_dma = true,
    .has_partial_erase = true,
    .has_access_port = true,
    .crystal_start_us = 360,       /* PS 5.4.4.2: t_START,HFXO, typical */
    .low_start_us = 600,           /* PS 5.4.4.4: t_START,LFRC, typical */
    .low_crystal_start_us = 250000 /* PS 5.4.4.3: t_START,LFXO, typical */
};

/* Start-up times: the product specification's typical values, which depend on the crystal. */
static const struct nrf_family nrf51 = {
    .ports = 1,
    .ppi_channels = 16,
    .counters = NRF51_COUNTERS,
    .crystal_start_us = 800,
    .low_start_us = 390,
    .low_crystal_start_us = 300000,
};

const struct chip chip_nrf52840 = {
    NRF_CHIP,
    .nrf = &nrf52,
    .reset_values = reset_values_nrf52840,
    .cpu_model = UC_CPU_ARM_CORTEX_M4,
    .cpuid = 0x410FC241u,   /* Cortex-M4 r0p1 */
    .priority_mask = 0xE0u, /* PS 4.1: three bits of priority */
    .mpu_regions = 8,
    .has_fpu = true,
    .has_systick = true,
    .interrupts = 48,
    .uart_name = "UARTE0",
};

/* Its core has neither SysTick nor MPU (PS 3.1). */
const struct chip chip_nrf51822 = {
    NRF_CHIP,
    .nrf = &nrf51,
    .cpu_model = UC_CPU_ARM_CORTEX_M0,
    .cpuid = 0x410CC200u, /* Cortex-M0 r0p0 */
    .priority_mask = 0xC0u,
    .is_armv6m = true,
    .interrupts = 32,
    .uart_name = "UART0",
};
