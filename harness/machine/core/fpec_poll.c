/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * BSY goes up one cycle after STRT was written (STM32F10xxx errata: BSY bit delay versus STRT bit setting): a loop that polls SR
 * at once leaves before the erase began. SR is memory that Unicorn reads by itself, so the code behind the store is looked at.
 */
#include "fpec_private.h"

#define INSTRUCTIONS_AHEAD 8u
#define WIDE_FIRST 0xE800u /* the first half-word of a 32-bit instruction is this or above */
#define LOAD_NARROW 0x6800u
#define LOAD_NARROW_MASK 0xF800u
#define LOAD_WIDE 0xF8D0u
#define LOAD_WIDE_MASK 0xFFF0u
#define BRANCH_FIRST 0xD000u
#define BRANCH_LAST 0xE7FFu

static bool fetch(const struct machine *m, uint32_t address, uint16_t *value)
{
    uint32_t limit;
    const uint8_t *bytes = code_bytes(m, address, &limit);

    if (bytes == NULL || limit < 2) {
        return false;
    }
    *value = (uint16_t)(bytes[0] | bytes[1] << 8);
    return true;
}

/* Whether the instruction loads a word from SR. */
static bool loads_status(const struct machine *m, uint16_t first, uint16_t second)
{
    uint32_t base;
    uint32_t offset;
    uint32_t value = 0;

    if ((first & LOAD_NARROW_MASK) == LOAD_NARROW) {
        base = first >> 3 & 7u;
        offset = (first >> 6 & 31u) * 4;
    } else if ((first & LOAD_WIDE_MASK) == LOAD_WIDE && (first & 15u) <= 12) {
        base = first & 15u;
        offset = second & 0xFFFu;
    } else {
        return false;
    }
    uc_reg_read(m->engine, UC_ARM_REG_R0 + (int)base, &value);
    return value + offset == m->config.fpec_address + REGISTER_SR;
}

/* One read alone is late: where a second one follows in the same block, the first is the dummy read that the errata ask for. */
bool fpec_is_polled_at_once(const struct machine *m, const struct flash_store *store)
{
    uint32_t address = store->pc;
    uint32_t reads = 0;

    if (store->address != m->config.fpec_address + REGISTER_CR) {
        return false;
    }
    for (uint32_t number = 0; number < INSTRUCTIONS_AHEAD; number++) {
        uint16_t first;
        uint16_t second = 0;

        if (!fetch(m, address, &first) || (first >= WIDE_FIRST && !fetch(m, address + 2, &second))) {
            return false;
        }
        if (number > 0 && loads_status(m, first, second)) {
            reads++;
        }
        if (number == 1 && reads == 0) {
            return false;
        }
        if (first >= BRANCH_FIRST && first <= BRANCH_LAST) {
            break;
        }
        address += first >= WIDE_FIRST ? 4 : 2;
    }
    return reads == 1;
}
