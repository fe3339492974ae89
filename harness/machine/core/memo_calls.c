/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "memo_calls.h"

#include "memo_private.h"

#define NOP 0xBF00u
#define R12 12u

static uint16_t halfword_at(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static bool is_call(const struct machine *m, const struct memo_calls *calls)
{
    uint32_t limit;
    const uint8_t *bytes = code_bytes(m, calls->previous_end - calls->previous_bytes, &limit);
    uint32_t size_bytes = calls->previous_bytes;

    if (bytes == NULL || limit < size_bytes || size_bytes < 2) {
        return false;
    }
    if ((halfword_at(bytes + size_bytes - 2) & 0xFF87u) == 0x4780u) { /* BLX */
        return true;
    }
    return size_bytes >= 4 && (halfword_at(bytes + size_bytes - 4) & 0xF800u) == 0xF000u &&
           (halfword_at(bytes + size_bytes - 2) & 0xD000u) == 0xD000u; /* BL */
}

static uint32_t stack_pointer(const struct machine *m)
{
    uint32_t value = 0;

    uc_reg_read(m->engine, UC_ARM_REG_SP, &value);
    return value;
}

static void begin(struct machine *m, struct memo_calls *calls, uint32_t pc)
{
    if (calls->depth == MEMO_CALLS_MAX) {
        calls->depth = 0; /* calls that never return: begin anew */
    }
    calls->calls[calls->depth++] = (struct memo_call){
        .pc = pc,
        .return_pc = calls->previous_end,
        .stack = stack_pointer(m),
        .instructions = m->instructions,
        .disturbances = m->memo.disturbances,
    };
}

static void end(struct machine *m, struct memo_calls *calls, uint32_t pc)
{
    const struct memo_call *call = &calls->calls[calls->depth - 1];

    if (call->return_pc != pc || call->stack != stack_pointer(m)) {
        return;
    }
    if (m->instructions - call->instructions >= MEMO_INSTRUCTIONS_WORTH && m->memo.disturbances == call->disturbances) {
        memo_propose(m->memo.store, call->pc);
    }
    calls->depth--;
}

void memo_calls_follow(struct machine *m, struct memo_calls *calls, uint32_t pc, uint32_t size_bytes)
{
    if (pc != calls->previous_end && is_call(m, calls)) {
        begin(m, calls, pc);
    } else if (calls->depth > 0) {
        end(m, calls, pc);
    }
    if ((memo_calls_sharing(m, pc, size_bytes) & CODE_SHARING_REFUSED) != 0) {
        m->memo.disturbances++;
    }
    calls->previous_end = pc + size_bytes;
    calls->previous_bytes = size_bytes;
}

/* Special registers, exclusive accesses, the FPU, sleeping, supervisor calls. */
static bool can_share_narrow(uint16_t first)
{
    if ((first & 0xFFE0u) == 0xB660u) { /* CPS */
        return false;
    }
    if ((first & 0xFF0Fu) == 0xBF00u) { /* hints */
        return first == NOP;
    }
    return (first & 0xFF00u) != 0xBE00u && (first & 0xFE00u) != 0xDE00u; /* BKPT; UDF, SVC */
}

static bool can_share_wide(uint16_t first, uint16_t second)
{
    uint32_t operation = second >> 4 & 0xFu;

    if ((first & 0xEC00u) == 0xEC00u) { /* coprocessors: the FPU */
        return false;
    }
    if ((first & 0xFFE0u) == 0xE840u) { /* STREX, LDREX */
        return false;
    }
    if ((first & 0xFFE0u) == 0xE8C0u) { /* TBB and TBH; exclusive accesses */
        return operation < 2;
    }
    if ((first & 0xFF80u) == 0xF380u && (second & 0xD000u) == 0x8000u) { /* MSR, MRS, hints; barriers */
        return first == 0xF3BFu && operation >= 4 && operation <= 6;
    }
    return true;
}

/* Of the narrow instructions only ADD, CMP, MOV, BX and BLX with any register name one above R7 that is neither SP, LR nor PC. */
static bool narrow_uses_r12(uint16_t first)
{
    return (first & 0xFC00u) == 0x4400u && ((first >> 3 & 0xFu) == R12 || ((first & 7u) | (first >> 4 & 8u)) == R12);
}

/* Registers are in four places of a wide instruction; where it has something else there, it is taken for one. */
static bool wide_uses_r12(uint16_t first, uint16_t second)
{
    if ((first & 0xF800u) == 0xF000u && (second & 0x8000u) != 0) { /* branches, barriers */
        return false;
    }
    if ((first & 0xFE40u) == 0xE800u && (second & 1u << R12) != 0) { /* LDM, STM: a bit a register */
        return true;
    }
    return (first & 0xFu) == R12 || second >> 12 == R12 || (second >> 8 & 0xFu) == R12 || (second & 0xFu) == R12;
}

static uint32_t sharing_of(const uint8_t *bytes, uint32_t size_bytes)
{
    uint32_t sharing = CODE_SHARING_KNOWN;

    for (uint32_t offset = 0; offset + 2 <= size_bytes;) {
        uint16_t first = halfword_at(bytes + offset);
        uint32_t wide = code_instruction_bytes(first);

        if (wide == 2) {
            sharing |= can_share_narrow(first) ? 0 : CODE_SHARING_REFUSED;
            sharing |= narrow_uses_r12(first) ? CODE_SHARING_USES_R12 : 0;
        } else if (offset + 4 > size_bytes) {
            sharing |= CODE_SHARING_REFUSED;
        } else {
            uint16_t second = halfword_at(bytes + offset + 2);

            sharing |= can_share_wide(first, second) ? 0 : CODE_SHARING_REFUSED;
            sharing |= wide_uses_r12(first, second) ? CODE_SHARING_USES_R12 : 0;
        }
        offset += wide;
    }
    return sharing;
}

uint32_t memo_calls_sharing(const struct machine *m, uint32_t pc, uint32_t size_bytes)
{
    uint32_t flash_offset;
    uint32_t limit;
    const uint8_t *bytes = code_bytes(m, pc, &limit);
    struct code_count *known;

    if (!flash_locate(m, pc, &flash_offset) || limit < size_bytes || size_bytes == 0) {
        return CODE_SHARING_KNOWN | CODE_SHARING_REFUSED;
    }
    known = &m->code.counts[flash_offset / 2];
    if (known->bytes != size_bytes) {
        return sharing_of(bytes, size_bytes);
    }
    if (known->sharing == 0) {
        known->sharing = (uint16_t)sharing_of(bytes, size_bytes);
    }
    return known->sharing;
}
