/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "machine.h"

#define ALIAS_BYTES 0x02000000u
#define ALIAS_OF_RAM 0x22000000u
#define ALIAS_OF_PERIPHERALS 0x42000000u

static uint32_t bit_of(uint64_t offset)
{
    return (uint32_t)(offset >> 2) & 31u;
}

static uint32_t word_offset_of(uint64_t offset)
{
    return (uint32_t)(offset >> 7) * 4;
}

static bool refuse(struct machine *m, const char *access, uint32_t address)
{
    machine_end(m, END_HARD_FAULT, m->block_address, m->instructions, "bus error: bit-band %s of 0x%08X", access, address);
    return false;
}

static bool in_ram(struct machine *m, uint32_t word_offset, const char *access)
{
    return word_offset < m->config.ram_bytes || refuse(m, access, m->config.ram_address + word_offset);
}

static uint64_t read_ram(uc_engine *engine, uint64_t offset, unsigned size_bytes, void *user_data)
{
    struct machine *m = user_data;
    uint32_t word = word_offset_of(offset);

    (void)engine;
    (void)size_bytes;
    waiting_disturb(m);
    memo_disturb(m);
    return !m->ended && in_ram(m, word, "read") ? m->ram[word + bit_of(offset) / 8] >> (bit_of(offset) % 8) & 1u : 0;
}

static void write_ram(uc_engine *engine, uint64_t offset, unsigned size_bytes, uint64_t value, void *user_data)
{
    struct machine *m = user_data;
    uint32_t byte = word_offset_of(offset) + bit_of(offset) / 8;
    uint8_t mask = (uint8_t)(1u << (bit_of(offset) % 8));

    (void)engine;
    (void)size_bytes;
    if (m->ended || !in_ram(m, word_offset_of(offset), "write")) {
        return;
    }
    waiting_disturb(m);
    memo_disturb(m);
    m->ram[byte] = (uint8_t)((value & 1u) != 0 ? m->ram[byte] | mask : m->ram[byte] & ~mask);
    if (m->ram_executable) {
        uc_ctl_remove_cache(m->engine, (uint64_t)m->config.ram_address + byte, (uint64_t)m->config.ram_address + byte + 1);
    }
}

/* The flash controller's registers are memory, not a window. */
static bool in_window(const struct machine *m, uint32_t address)
{
    for (uint32_t index = 0; index < CHIP_WINDOWS_MAX; index++) {
        if (address >= m->chip->windows[index].address && address < m->chip->windows[index].end) {
            return true;
        }
    }
    return false;
}

static uint32_t *controller_word(struct machine *m, uint32_t address)
{
    uint32_t start;
    uint32_t size_bytes;
    uint32_t *registers = m->chip->controller_registers(m, &start, &size_bytes);

    return address - start < size_bytes ? &registers[(address - start) / 4] : NULL;
}

static uint32_t read_word(struct machine *m, uint32_t address, const char *access)
{
    uint32_t *controller = controller_word(m, address);

    if (controller != NULL) {
        waiting_disturb(m);
        return *controller;
    }
    if (!in_window(m, address)) {
        refuse(m, access, address);
        return 0;
    }
    return bus_read(m, address);
}

static uint64_t read_peripheral(uc_engine *engine, uint64_t offset, unsigned size_bytes, void *user_data)
{
    struct machine *m = user_data;
    uint32_t address = BUS_PERIPHERAL_ADDRESS + word_offset_of(offset);

    (void)engine;
    (void)size_bytes;
    memo_disturb(m);
    return m->ended ? 0 : read_word(m, address, "read") >> bit_of(offset) & 1u;
}

/* The bus reads the word, changes the bit, and writes the word back. */
static void write_peripheral(uc_engine *engine, uint64_t offset, unsigned size_bytes, uint64_t value, void *user_data)
{
    struct machine *m = user_data;
    uint32_t address = BUS_PERIPHERAL_ADDRESS + word_offset_of(offset);
    uint32_t word;

    (void)engine;
    (void)size_bytes;
    if (m->ended) {
        return;
    }
    memo_disturb(m);
    word = read_word(m, address, "write") & ~(UINT32_C(1) << bit_of(offset));
    word |= ((uint32_t)value & 1u) << bit_of(offset);
    if (m->ended) {
        return;
    }
    if (controller_word(m, address) != NULL) {
        m->chip->store(m, &(struct flash_store){address, 4, word, m->block_address, m->instructions});
    } else {
        bus_write(m, address, word);
    }
}

int32_t bit_band_install(struct machine *m)
{
    m->engine_error = uc_mmio_map(m->engine, ALIAS_OF_RAM, ALIAS_BYTES, read_ram, m, write_ram, m);
    if (m->engine_error == UC_ERR_OK) {
        m->engine_error =
            uc_mmio_map(m->engine, ALIAS_OF_PERIPHERALS, ALIAS_BYTES, read_peripheral, m, write_peripheral, m);
    }
    return m->engine_error == UC_ERR_OK ? MACHINE_OK : MACHINE_UNICORN;
}
