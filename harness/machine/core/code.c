/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "machine.h"

#include <string.h>

#define BRANCH_TO_SELF 0xE7FEu
#define BRANCH_TO_SELF_WIDE_FIRST 0xF7FFu
#define BRANCH_TO_SELF_WIDE_SECOND 0xBFFEu
#define FETCH_BYTES 8u
#define MSR_FIRST 0xF380u
#define MSR_FIRST_MASK 0xFFF0u
#define MSR_CONTROL_SECOND 0x8814u

static uint16_t halfword_at(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

/* Offset of `address` in the flash array, in either range; at least `flash_bytes` if it is outside. */
static uint32_t flash_offset(const struct machine *m, uint32_t address)
{
    uint32_t offset = address - m->config.flash_address;

    return offset < m->config.flash_bytes ? offset : address - m->config.flash_alias_address;
}

const uint8_t *code_bytes(const struct machine *m, uint32_t address, uint32_t *limit)
{
    uint32_t offset = flash_offset(m, address);

    if (offset < m->config.flash_bytes) {
        *limit = m->config.flash_bytes - offset;
        return m->flash.cells + offset;
    }
    offset = address - m->config.ram_address;
    if (offset < m->config.ram_bytes) {
        *limit = m->config.ram_bytes - offset;
        return m->ram + offset;
    }
    *limit = 0;
    return NULL;
}

/* What a stretch of code consists of. */
struct stretch {
    uint32_t instructions;
    struct cycle_count cycles;
    bool writes_control;
};

/* Lines of the flash that a fetch reaches first: each may have to wait (PM0075 2.2: the flash is read in lines of 64 bits). */
static uint32_t lines_begun(uint32_t address, uint32_t size_bytes)
{
    return (address + size_bytes + FETCH_BYTES - 1) / FETCH_BYTES - (address + FETCH_BYTES - 1) / FETCH_BYTES;
}

/* Walk at most `size_bytes` and at most `instructions` instructions from `address` on. */
static struct stretch measure(const struct machine *m, uint32_t address, uint32_t size_bytes, uint64_t instructions)
{
    uint32_t limit;
    const uint8_t *bytes = code_bytes(m, address, &limit);
    bool in_flash = flash_offset(m, address) < m->config.flash_bytes;
    uint32_t conditional = 0;
    uint32_t offset = 0;
    struct stretch stretch = {0};

    while (bytes != NULL && offset < size_bytes && offset + 2 <= limit && stretch.instructions < instructions) {
        uint16_t first = halfword_at(bytes + offset);
        uint32_t wide = code_instruction_bytes(first);
        uint16_t second = wide == 4 && offset + 4 <= limit ? halfword_at(bytes + offset + 2) : 0;
        struct cycle_count cost = cycles_of(&(struct cycle_instruction){first, second, conditional != 0, (enum cycle_core)m->config.core});

        stretch.instructions++;
        stretch.cycles.low += cost.low;
        stretch.cycles.high += cost.high;
        stretch.cycles.waits += cost.waits + (in_flash ? lines_begun(address + offset, wide) : 0);
        conditional = conditional != 0 ? conditional - 1 : cycles_conditional_after(first);
        stretch.writes_control = stretch.writes_control || ((first & MSR_FIRST_MASK) == MSR_FIRST && second == MSR_CONTROL_SECOND);
        offset += wide;
    }
    return stretch;
}

static struct cycle_count add(struct cycle_count total, struct cycle_count more)
{
    return (struct cycle_count){total.low + more.low, total.high + more.high, total.waits + more.waits};
}

uint64_t code_retired_at(struct machine *m, uint32_t pc)
{
    uint32_t offset = pc - m->block_address;
    struct stretch before;

    if (offset >= m->block_bytes) {
        return m->instructions + m->block_instructions;
    }
    before = measure(m, m->block_address, offset, UINT64_MAX);
    m->code.inside_instructions = m->instructions + before.instructions;
    m->code.inside_cycles = add(m->cycles, before.cycles);
    return m->code.inside_instructions;
}

struct cycle_count code_cycles_at(const struct machine *m, uint64_t instructions)
{
    uint64_t ahead = instructions - m->instructions;

    if (ahead == 0 || m->block_instructions == 0) {
        return m->cycles;
    }
    if (instructions == m->code.inside_instructions) {
        return m->code.inside_cycles;
    }
    if (ahead >= m->block_instructions) {
        return add(m->cycles, m->block_cycles);
    }
    return add(m->cycles, measure(m, m->block_address, m->block_bytes, ahead).cycles);
}

void code_retire_block(struct machine *m)
{
    m->instructions += m->block_instructions;
    m->cycles = add(m->cycles, m->block_cycles);
    code_drop_block(m);
    m->block_bytes = 0;
}

void code_drop_block(struct machine *m)
{
    m->block_instructions = 0;
    m->block_cycles = (struct cycle_count){0};
}

void code_spin(struct machine *m, uint32_t pc, uint64_t rounds)
{
    struct cycle_count once = measure(m, pc, 4, 1).cycles;

    m->instructions += rounds;
    m->cycles = add(m->cycles, (struct cycle_count){once.low * rounds, once.high * rounds, once.waits * rounds});
}

uint32_t code_half_cycles(const struct machine *m, uint32_t pc)
{
    struct cycle_count once = measure(m, pc, 4, 1).cycles;

    return (uint32_t)(once.low + once.high);
}

void code_mark(struct machine *m, uint32_t pc, uint32_t size_bytes)
{
    uint32_t offset = flash_offset(m, pc);

    if (offset < m->config.flash_bytes) {
        uint32_t last = offset + size_bytes - 1;

        m->code.page_executed[offset / m->config.page_bytes] = true;
        if (last < m->config.flash_bytes) {
            m->code.page_executed[last / m->config.page_bytes] = true;
        }
    }
}

void code_forget_count(struct machine *m, uint32_t pc)
{
    uint32_t offset = flash_offset(m, pc);

    if (offset < m->config.flash_bytes) {
        m->code.counts[offset / 2].bytes = 0;
    }
}

void code_forget_page(struct machine *m, uint32_t page)
{
    uint32_t page_bytes = m->config.page_bytes;
    uint32_t offset = page * page_bytes;
    uint32_t halfwords = page_bytes / 2;

    if (!m->code.page_executed[page]) {
        return;
    }
    m->code.page_executed[page] = false;
    memset(m->code.counts + offset / 2, 0, halfwords * sizeof(struct code_count));
    uc_ctl_remove_cache(m->engine, (uint64_t)m->config.flash_address + offset,
                        (uint64_t)m->config.flash_address + offset + page_bytes);
    uc_ctl_remove_cache(m->engine, (uint64_t)m->config.flash_alias_address + offset,
                        (uint64_t)m->config.flash_alias_address + offset + page_bytes);
}

static bool is_branch_to_self(const struct machine *m, uint32_t address, uint32_t size_bytes)
{
    uint32_t limit;
    const uint8_t *bytes = code_bytes(m, address, &limit);

    if (bytes == NULL || limit < size_bytes) {
        return false;
    }
    return (size_bytes == 2 && halfword_at(bytes) == BRANCH_TO_SELF) ||
           (size_bytes == 4 && halfword_at(bytes) == BRANCH_TO_SELF_WIDE_FIRST &&
            halfword_at(bytes + 2) == BRANCH_TO_SELF_WIDE_SECOND);
}

/* First sight of a block, a block in RAM, or a branch to itself (which is never cached, so that it is seen each time). */
static void count_slowly(struct machine *m, uint32_t address, uint32_t size_bytes)
{
    struct stretch stretch = measure(m, address, size_bytes, UINT64_MAX);
    uint32_t offset = flash_offset(m, address);

    if (stretch.writes_control) {
        mpu_see_control(m);
    }
    if (is_branch_to_self(m, address, size_bytes)) {
        sleep_idle(m, address);
    } else if (watch_wants(m, address)) {
        watch_see(m, address);
    } else if (!memo_wants(m, address) && offset < m->config.flash_bytes && offset % m->config.page_bytes + size_bytes <= m->config.page_bytes) {
        /* A block across pages is never cached: it would have to be forgotten with either of them. */
        m->code.counts[offset / 2] = (struct code_count){(uint16_t)size_bytes, (uint16_t)stretch.instructions,
                                                         (uint16_t)stretch.cycles.low, (uint16_t)stretch.cycles.high,
                                                         (uint16_t)stretch.cycles.waits, 0};
    }
    code_mark(m, address, size_bytes);
    m->block_instructions = stretch.instructions;
    m->block_cycles = stretch.cycles;
}

static void on_block(uc_engine *engine, uint64_t address, uint32_t size_bytes, void *user_data)
{
    struct machine *m = user_data;
    uint32_t pc = (uint32_t)address;
    uint32_t offset = pc - m->config.flash_address;
    const struct code_count *known;
    bool enters = false;

    (void)engine;
    if (m->ended) {
        return;
    }
    m->instructions += m->block_instructions;
    m->cycles.low += m->block_cycles.low;
    m->cycles.high += m->block_cycles.high;
    m->cycles.waits += m->block_cycles.waits;
    if (pc == m->memo.return_pc) {
        memo_return(m, pc);
    }
    m->block_address = pc;
    m->block_bytes = size_bytes;
    if (pc - m->domain_start >= m->domain_span) {
        code_drop_block(m);
        domain_cross(m, pc);
    }
    known = offset < m->config.flash_bytes ? &m->code.counts[offset / 2] : NULL;
    if (known != NULL && known->bytes == size_bytes) {
        m->block_instructions = known->instructions;
        m->block_cycles = (struct cycle_count){known->low, known->high, known->waits};
    } else {
        code_drop_block(m); /* so that an end in here does not count the block */
        count_slowly(m, pc, size_bytes);
        enters = memo_wants(m, pc);
    }
    if (m->instructions >= m->next_check || m->cycles.low + m->cycles.high >= m->next_check_work) {
        machine_check(m, pc);
    }
    if (enters && !m->ended && m->exception.next == 0) {
        memo_enter(m, pc);
    }
    if (m->memo.learns && !m->ended) {
        memo_learn(m, pc, size_bytes);
    }
}

int32_t code_install(struct machine *m)
{
    uc_hook hook;

    m->engine_error = uc_hook_add(m->engine, &hook, UC_HOOK_BLOCK, (void *)on_block, m, 1, 0);
    return m->engine_error == UC_ERR_OK ? MACHINE_OK : MACHINE_UNICORN;
}
