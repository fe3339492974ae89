/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * "Instruction set summary" of the Cortex-M0 (ARM DDI 0432, table 3-1), for memory without wait states. Nothing overlaps there, so
 * the cost is one number but for a branch that may not be taken. The multiplier is the one of a single cycle.
 */
#include "cycles.h"

#define TAKEN 3u

static struct cycle_count cost(uint32_t cycles, uint32_t waits)
{
    return (struct cycle_count){cycles, cycles, waits};
}

static uint32_t ones(uint32_t bits)
{
    uint32_t count = 0;

    for (; bits != 0; bits &= bits - 1) {
        count++;
    }
    return count;
}

static struct cycle_count miscellaneous(uint16_t first)
{
    if ((first & 0xFE00u) == 0xB400u) { /* PUSH */
        return cost(1 + ones(first & 0x1FFu), 0);
    }
    if ((first & 0xFE00u) == 0xBC00u) { /* POP: three cycles more where it returns */
        return (first & 0x100u) != 0 ? cost(4 + ones(first & 0x1FFu), 1) : cost(1 + ones(first & 0xFFu), 0);
    }
    if ((first & 0xFFEFu) == 0xBF20u) { /* WFE, WFI */
        return cost(2, 0);
    }
    return cost(1, 0);
}

/* High registers: ADD, CMP, MOV; BX and BLX. */
static struct cycle_count special(uint16_t first)
{
    bool branches = (first & 0x0300u) == 0x0300u;
    bool to_pc = (first & 0x0100u) == 0 && (first & 0x87u) == 0x87u;

    return branches || to_pc ? cost(TAKEN, 1) : cost(1, 0);
}

struct cycle_count cycles_of_cortex_m0(uint16_t first)
{
    switch (first >> 12) {
    case 0x4:
        if ((first & 0xF800u) == 0x4800u) { /* LDR from a literal */
            return cost(2, 1);
        }
        return (first & 0xFC00u) == 0x4400u ? special(first) : cost(1, 0);
    case 0x5:
        return cost(2, (first & 0x0E00u) < 0x0600u ? 0 : 1);
    case 0x6:
    case 0x7:
    case 0x8:
        return cost(2, (first & 0x0800u) != 0 ? 1 : 0);
    case 0x9: /* relative to SP: never the flash */
        return cost(2, 0);
    case 0xB:
        return miscellaneous(first);
    case 0xC:
        return cost(1 + ones(first & 0xFFu), (first & 0x0800u) != 0 ? ones(first & 0xFFu) : 0);
    case 0xD:
        return (first & 0x0E00u) == 0x0E00u ? cost(1, 0) : (struct cycle_count){1, TAKEN, 1};
    case 0xE:
        return cost(TAKEN, 1);
    case 0xF: /* 32 bits: BL, and as long: MRS, MSR, barriers */
        return cost(4, 1);
    default:
        return cost(1, 0);
    }
}
