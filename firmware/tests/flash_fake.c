/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "flash_fake.h"

#include <setjmp.h>
#include <string.h>

#include "hal.h"
#include "unit.h"

struct fake fake = {.cut_at = FAKE_NEVER, .fail_at = FAKE_NEVER};

static jmp_buf power;

/* What unsure cells read in this boot. */
static void draw_unsure(void)
{
    for (uint32_t i = 0; i < FAKE_BYTES; i++) {
        if (fake.unsure[i] != 0) {
            const uint8_t drawn = (uint8_t)fake_random(&fake.power_seed, 256);

            fake.flash[i] = (uint8_t)((fake.flash[i] & ~fake.unsure[i]) | (drawn & fake.unsure[i]));
        }
    }
}

enum fake_end fake_boot(void (*function)(void))
{
    enum fake_end end = FAKE_RETURNED;

    draw_unsure();
    fake.operations = 0;
    fake.misuses = 0;
    fake.uart_bytes = 0;
    memset(fake.erases, 0, sizeof fake.erases);
    memset(fake.uart, 0, sizeof fake.uart);
    switch (setjmp(power)) { /* C allows setjmp in few places; this is one */
    case FAKE_RETURNED:
        function();
        break;
    case FAKE_CUT:
        end = FAKE_CUT;
        break;
    case FAKE_STARTED:
        end = FAKE_STARTED;
        break;
    case FAKE_RESET:
        end = FAKE_RESET;
        break;
    default:
        end = FAKE_RECOVERING;
        break;
    }
    fake.cut_at = FAKE_NEVER;
    fake.fail_at = FAKE_NEVER;
    return end;
}

uint32_t fake_random(uint64_t *seed, uint32_t limit)
{
    uint64_t mixed;

    *seed += 0x9E3779B97F4A7C15u; /* SplitMix64 */
    mixed = *seed;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBu;
    return (uint32_t)((mixed ^ (mixed >> 31)) % limit);
}

/* Leave each cell that was to change as it was, or changed, as the tear says. */
static void tear_cells(uint8_t *cells, const uint8_t *target, uint32_t size_bytes)
{
    uint64_t seed = fake.seed ^ ((uint64_t)fake.operations << 8) ^ (uint64_t)fake.tear;
    const bool first_half = fake_random(&seed, 2) == 0;
    const uint32_t done = fake.tear == FAKE_METASTABLE ? fake_random(&seed, 5) : 0; /* quarters: hardly begun to nearly over */

    for (uint32_t i = 0; i < size_bytes; i++) {
        const bool half_done = (i < size_bytes / 2) == first_half;

        for (uint32_t bit = 0; bit < 8; bit++) {
            const uint32_t draw = fake_random(&seed, 4);
            const bool unsure = fake.tear == FAKE_METASTABLE && fake_random(&seed, 8) == 0;
            const bool changed = fake.tear == FAKE_ALL || (fake.tear == FAKE_METASTABLE && draw < done) || (fake.tear == FAKE_SOME && draw == 0) ||
                                 (fake.tear == FAKE_MOST && draw != 0) || (fake.tear == FAKE_HALF_PAGE && half_done);

            const uint8_t mask = (uint8_t)(1u << bit);

            if (unsure) {
                fake.unsure[cells + i - fake.flash] |= (uint8_t)((cells[i] ^ target[i]) & mask);
            }
            if (changed) {
                cells[i] = (uint8_t)((cells[i] & ~mask) | (target[i] & mask));
            }
        }
    }
}

/* An erase that was cut leaves cells that need another one: only a whole erase clears the counts. */
static void count_writes(uint32_t address, uint32_t size_bytes)
{
    uint8_t *writes = fake.writes + (address - FAKE_ADDRESS) / PROGRAM_BYTES;
    const bool cut = fake.operations == fake.cut_at;

    if (size_bytes != PAGE_BYTES) {
        *writes = (uint8_t)(*writes + (cut && fake.tear == FAKE_NONE ? 0 : 1));
    } else if (!cut || fake.tear == FAKE_ALL) {
        memset(writes, 0, PAGE_BYTES / PROGRAM_BYTES);
    }
}

static enum result operate(uint32_t address, const uint8_t *target, uint32_t size_bytes)
{
    uint8_t *cells = fake.flash + (address - FAKE_ADDRESS);

    fake.last_address = address;
    fake.last_was_erase = size_bytes == PAGE_BYTES;
    count_writes(address, size_bytes);
    if (fake.operations == fake.cut_at) {
        tear_cells(cells, target, size_bytes);
        longjmp(power, FAKE_CUT);
    }
    for (uint32_t i = 0; i < size_bytes; i++) {
        fake.unsure[cells + i - fake.flash] &= size_bytes == PAGE_BYTES ? 0 : target[i];
    }
    memcpy(cells, target, size_bytes);
    if (fake.operations++ == fake.fail_at) {
        cells[0] ^= 0x01u;
        return RESULT_ERROR_MISMATCH;
    }
    return RESULT_OK;
}

static bool is_writable(uint32_t address)
{
    const bool is_key_place = address >= REGION_IDENTITY_ADDRESS + 128 && address < REGION_IDENTITY_ADDRESS + REGION_IDENTITY_BYTES;

    return (fake.key_places_are_writable && is_key_place) || (address >= REGION_APPLICATION_ADDRESS && address < REGION_APPLICATION_ADDRESS + REGION_APPLICATION_BYTES) ||
           (fake.slot_is_writable && address >= REGION_SLOT_ADDRESS && address < REGION_SLOT_ADDRESS + REGION_SLOT_BYTES) ||
           (address >= REGION_METADATA_ADDRESS && address < REGION_METADATA_ADDRESS + REGION_METADATA_BYTES);
}

enum result hal_flash_erase(uint32_t page_address)
{
    uint8_t blank[PAGE_BYTES];

    memset(blank, 0xFF, sizeof blank);
    if (!is_writable(page_address) || page_address % PAGE_BYTES != 0 || page_address == REGION_IDENTITY_ADDRESS) {
        fake.misuses++;
        return RESULT_ERROR_PROTECTED;
    }
    fake.erases[(page_address - FAKE_ADDRESS) / PAGE_BYTES]++;
    return operate(page_address, blank, sizeof blank);
}

static bool all_are(const uint8_t *bytes, uint8_t value)
{
    for (uint32_t i = 0; i < PROGRAM_BYTES; i++) {
        if (bytes[i] != value) {
            return false;
        }
    }
    return true;
}

/* Whether a unit may be programmed. `target` is what its cells hold afterwards. */
static bool program_unit(uint32_t address, const uint8_t *data, uint8_t target[PROGRAM_BYTES])
{
    const uint8_t *cells = fake.flash + (address - FAKE_ADDRESS);

    for (uint32_t i = 0; i < PROGRAM_BYTES; i++) {
        target[i] = (uint8_t)(cells[i] & data[i]);
    }
    if (WRITES_PER_UNIT == 0) {
        return all_are(cells, 0xFF) || all_are(data, 0);
    }
    return fake.writes[(address - FAKE_ADDRESS) / PROGRAM_BYTES] + 1 <= WRITES_PER_UNIT;
}

enum result hal_flash_program(uint32_t address, const uint8_t *data, uint32_t size_bytes)
{
    enum result result = RESULT_OK;
    uint8_t target[PROGRAM_BYTES];

    if (address % PROGRAM_BYTES != 0 || size_bytes % PROGRAM_BYTES != 0) {
        fake.misuses++;
        return RESULT_ERROR_PROGRAM;
    }
    for (uint32_t i = 0; result == RESULT_OK && i < size_bytes; i += PROGRAM_BYTES) {
        if (!is_writable(address + i) || !program_unit(address + i, data + i, target)) {
            fake.misuses++;
            return is_writable(address + i) ? RESULT_ERROR_PROGRAM : RESULT_ERROR_PROTECTED;
        }
        result = operate(address + i, target, PROGRAM_BYTES);
        if (result == RESULT_OK && memcmp(target, data + i, PROGRAM_BYTES) != 0) {
            result = RESULT_ERROR_MISMATCH;
        }
    }
    return result;
}

const uint8_t *hal_flash_view(uint32_t address, uint32_t size_bytes)
{
    CHECK(address - FAKE_ADDRESS <= FAKE_BYTES); /* below FAKE_ADDRESS the difference wraps */
    CHECK(size_bytes <= FAKE_BYTES - (address - FAKE_ADDRESS));
    return fake.flash + (address - FAKE_ADDRESS);
}

void hal_start(void)
{
}

void hal_uart_send(uint8_t byte)
{
    if (fake.uart_bytes < sizeof fake.uart - 1) {
        fake.uart[fake.uart_bytes++] = (char)byte;
    }
}

uint8_t hal_uart_receive(void)
{
    if (fake.bytes_to_receive == 0) {
        longjmp(power, FAKE_RECOVERING);
    }
    fake.bytes_to_receive--;
    return '?';
}

_Noreturn void hal_program_start(uint32_t vector_table_address)
{
    fake.vector_table_address = vector_table_address;
    longjmp(power, FAKE_STARTED);
}

_Noreturn void hal_reset(void)
{
    longjmp(power, FAKE_RESET);
}
