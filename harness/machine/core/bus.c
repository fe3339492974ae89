/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "machine.h"

#include <string.h>

#define SYSTICK_ADDRESS 0xE000E010u
#define SYSTICK_BYTES 0x10u
#define NVIC_ADDRESS 0xE000E100u
#define NVIC_BYTES 0x400u

static bool within(uint32_t address, uint32_t start, uint32_t size_bytes)
{
    return address - start < size_bytes;
}

void bus_count_unmodelled(struct machine *m, uint32_t address)
{
    struct bus *bus = &m->bus;

    for (uint32_t index = 0; index < bus->unmodelled_count; index++) {
        if (bus->unmodelled[index].address == address) {
            bus->unmodelled[index].count++;
            return;
        }
    }
    if (bus->unmodelled_count < BUS_UNMODELLED_MAX) {
        bus->unmodelled[bus->unmodelled_count++] = (struct unmodelled){address, 1};
    }
}

uint32_t *bus_word(struct machine *m, uint32_t address)
{
    uint32_t offset = address - BUS_PERIPHERAL_ADDRESS;

    if (address >= BUS_SECOND_ADDRESS) {
        offset = m->chip->storage_bytes - BUS_SECOND_BYTES + address % BUS_SECOND_BYTES;
    }
    return &m->bus.storage[offset / 4];
}

static uint32_t read_core(struct machine *m, uint32_t address)
{
    uint32_t value = 0;

    waiting_disturb(m);
    if (m->chip->has_systick && within(address, SYSTICK_ADDRESS, SYSTICK_BYTES)) {
        return systick_read(m, address - SYSTICK_ADDRESS);
    }
    if (address == m->chip->debug_id_address) {
        return m->chip->debug_id;
    }
    if (!m->chip->is_armv6m && within(address, DWT_ADDRESS, 8) && dwt_read(m, address - DWT_ADDRESS, &value)) {
        return value;
    }
    if (!within(address, NVIC_ADDRESS, NVIC_BYTES) || !nvic_read(m, address - NVIC_ADDRESS, &value)) {
        bus_count_unmodelled(m, address);
    }
    return value;
}

static void write_core(struct machine *m, uint32_t address, uint32_t value, uint32_t mask)
{
    waiting_disturb(m);
    if (m->chip->has_systick && within(address, SYSTICK_ADDRESS, SYSTICK_BYTES)) {
        systick_write(m, address - SYSTICK_ADDRESS, value);
    } else if (!m->chip->is_armv6m && within(address, DWT_ADDRESS, 8) && dwt_write(m, address - DWT_ADDRESS, value)) {
        return;
    } else if (!within(address, NVIC_ADDRESS, NVIC_BYTES) || !nvic_write(m, address - NVIC_ADDRESS, value, mask)) {
        bus_count_unmodelled(m, address);
    }
}

uint32_t bus_read(struct machine *m, uint32_t address)
{
    return address >= BUS_CORE_ADDRESS ? read_core(m, address) : m->chip->read(m, address);
}

void bus_write(struct machine *m, uint32_t address, uint32_t value)
{
    if (address >= BUS_CORE_ADDRESS) {
        write_core(m, address, value, UINT32_MAX);
    } else {
        m->chip->write(m, address, value);
    }
}

/* What a shared call must not do, or must know. */
static void note_access(struct machine *m, uint32_t address, bool writes)
{
    if (within(address, m->config.usart1_address, USART_BLOCK_BYTES)) {
        memo_sends(m, address & ~3u, writes);
    } else {
        memo_disturb(m);
    }
}

static uint64_t on_read(uc_engine *engine, uint64_t offset, unsigned size_bytes, void *user_data)
{
    const struct bus_window *window = user_data;
    uint32_t address = window->address + (uint32_t)offset;
    uint32_t value;

    (void)engine;
    if (window->machine->ended) {
        return 0;
    }
    note_access(window->machine, address, false);
    value = bus_read(window->machine, address & ~3u) >> (8 * (address % 4));
    return size_bytes == 4 ? value : value & ((UINT32_C(1) << (8 * size_bytes)) - 1);
}

/*
 * A narrow write reaches the whole register, as it does through the bus bridges (RM0008 2.1: APB registers are 32 bits);
 * only the priorities of the interrupt controller are bytes.
 */
static void on_write(uc_engine *engine, uint64_t offset, unsigned size_bytes, uint64_t value, void *user_data)
{
    const struct bus_window *window = user_data;
    uint32_t address = window->address + (uint32_t)offset;
    uint32_t shift = 8 * (address % 4);
    uint32_t mask = size_bytes == 4 ? UINT32_MAX : ((UINT32_C(1) << (8 * size_bytes)) - 1) << shift;

    (void)engine;
    if (window->machine->ended) {
        return;
    }
    note_access(window->machine, address, true);
    if (address < BUS_CORE_ADDRESS) {
        window->machine->chip->write(window->machine, address & ~3u, (uint32_t)value << shift);
    } else {
        write_core(window->machine, address & ~3u, (uint32_t)value << shift, mask);
    }
}

static bool map_window(struct machine *m, uint32_t index, uint32_t address, uint32_t end)
{
    struct bus_window *window = &m->bus.windows[index];

    *window = (struct bus_window){m, address};
    m->engine_error = uc_mmio_map(m->engine, address, end - address, on_read, window, on_write, window);
    return m->engine_error == UC_ERR_OK;
}

int32_t bus_install(struct machine *m)
{
    uint32_t count = 0;

    for (uint32_t index = 0; index < CHIP_WINDOWS_MAX; index++) {
        const struct chip_window *window = &m->chip->windows[index];

        if (window->end != 0 && !map_window(m, count++, window->address, window->end)) {
            return MACHINE_UNICORN;
        }
    }
    if (!map_window(m, count++, BUS_CORE_ADDRESS, SCB_BLOCK_ADDRESS) ||
        !map_window(m, count++, SCB_BLOCK_ADDRESS + SCB_BLOCK_BYTES, BUS_CORE_ADDRESS + BUS_CORE_BYTES)) {
        return MACHINE_UNICORN;
    }
    return m->chip->has_bit_band ? bit_band_install(m) : MACHINE_OK;
}

void bus_reset(struct machine *m)
{
    if (m->bus.storage_used) {
        memset(m->bus.storage, 0, m->chip->storage_bytes);
        m->bus.storage_used = false;
    }
    m->bus.unmodelled_count = 0;
}
