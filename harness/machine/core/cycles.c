/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "cycles.h"

#define PC 15u
#define SP 13u
/* Refill of the pipeline, P in the manuals' tables: 1 to 3 cycles. */
#define REFILL_LOW 1u
#define REFILL_HIGH 3u
/* The tables give no upper end for a barrier: as long as a refill is assumed. */
#define BARRIER_HIGH 3u

static struct cycle_count cost(uint32_t low, uint32_t high)
{
    return (struct cycle_count){low, high, 0};
}

/* "Neighboring load and store single instructions can pipeline": one cycle instead of two. */
static struct cycle_count load(uint32_t waits)
{
    return (struct cycle_count){1, 2, waits};
}

static struct cycle_count store(void)
{
    return cost(1, 2);
}

static struct cycle_count with_refill(struct cycle_count before)
{
    return (struct cycle_count){before.low + REFILL_LOW, before.high + REFILL_HIGH, before.waits + 1};
}

static struct cycle_count branch(void)
{
    return with_refill(cost(1, 1));
}

static struct cycle_count conditional_branch(void)
{
    return (struct cycle_count){1, 1 + REFILL_HIGH, 1};
}

static uint32_t ones(uint32_t bits)
{
    uint32_t count = 0;

    for (; bits != 0; bits &= bits - 1) {
        count++;
    }
    return count;
}

static struct cycle_count load_many(uint32_t registers, uint32_t base)
{
    return (struct cycle_count){1 + registers, 1 + registers, base == SP ? 0 : registers};
}

static struct cycle_count store_many(uint32_t registers)
{
    return cost(1 + registers, 1 + registers);
}

static struct cycle_count miscellaneous(uint16_t first)
{
    if ((first & 0xF500u) == 0xB100u) { /* CBZ, CBNZ */
        return conditional_branch();
    }
    if ((first & 0xFE00u) == 0xB400u) { /* PUSH */
        return store_many(ones(first & 0x1FFu));
    }
    if ((first & 0xFE00u) == 0xBC00u) { /* POP */
        struct cycle_count pop = load_many(ones(first & 0x1FFu), SP);

        return (first & 0x100u) != 0 ? with_refill(pop) : pop;
    }
    if ((first & 0xFFE8u) == 0xB660u) { /* CPS */
        return cost(1, 2);
    }
    return cycles_conditional_after(first) != 0 ? cost(0, 1) : cost(1, 1); /* IT may be folded */
}

static struct cycle_count special(uint16_t first)
{
    uint32_t destination = (first & 7u) | (first >> 4 & 8u);
    bool writes = (first & 0x0300u) == 0x0000u || (first & 0x0300u) == 0x0200u; /* ADD or MOV, not CMP */

    if ((first & 0x0300u) == 0x0300u) { /* BX, BLX */
        return branch();
    }
    return writes && destination == PC ? branch() : cost(1, 1);
}

static struct cycle_count narrow(uint16_t first)
{
    switch (first >> 12) {
    case 0x4:
        if ((first & 0xF800u) == 0x4800u) { /* LDR from a literal */
            return load(1);
        }
        return (first & 0xFC00u) == 0x4400u ? special(first) : cost(1, 1);
    case 0x5:
        return (first & 0x0E00u) < 0x0600u ? store() : load(1); /* STR, STRH and STRB come first */
    case 0x6:
    case 0x7:
    case 0x8:
        return (first & 0x0800u) != 0 ? load(1) : store();
    case 0x9: /* relative to SP: never the flash */
        return (first & 0x0800u) != 0 ? load(0) : store();
    case 0xB:
        return miscellaneous(first);
    case 0xC:
        return (first & 0x0800u) != 0 ? load_many(ones(first & 0xFFu), 0) : store_many(ones(first & 0xFFu));
    case 0xD:
        return (first & 0x0E00u) == 0x0E00u ? cost(1, 1) : conditional_branch(); /* UDF and SVC: what follows is no part of them */
    case 0xE:
        return branch();
    default:
        return cost(1, 1);
    }
}

/* LDM, STM, LDRD, STRD, exclusive accesses and table branches. */
static struct cycle_count load_store_many(uint16_t first, uint16_t second)
{
    bool loads = (first & 0x0010u) != 0;
    uint32_t base = first & 0xFu;

    if ((first & 0x0040u) == 0) {
        struct cycle_count many = loads ? load_many(ones(second), base) : store_many(ones(second));

        return loads && (second & 0x8000u) != 0 ? with_refill(many) : many;
    }
    if ((first & 0xFFF0u) == 0xE8D0u && (second & 0xFFE0u) == 0xF000u) { /* TBB, TBH */
        return with_refill((struct cycle_count){2, 2, 1});
    }
    if ((first & 0x0120u) == 0) { /* LDREX, STREX */
        return (struct cycle_count){2, 2, loads ? 1 : 0};
    }
    return loads ? load_many(2, base) : store_many(2);
}

/* Branches, and what shares their encoding: hints, barriers, special registers. */
static struct cycle_count control(uint16_t first, uint16_t second)
{
    uint32_t barrier = second >> 4 & 0xFu;

    if ((second & 0x1000u) != 0) { /* B, BL */
        return branch();
    }
    if ((first & 0x0380u) != 0x0380u) {
        return conditional_branch();
    }
    if ((first & 0xFFF0u) == 0xF3B0u) {
        return barrier == 6u ? cost(1 + REFILL_LOW, 1 + BARRIER_HIGH)             /* ISB: at least a refill */
               : barrier == 4u || barrier == 5u ? cost(1, 1 + BARRIER_HIGH) /* DSB, DMB */
                                                : cost(1, 1);
    }
    if ((first & 0xFFE0u) == 0xF380u || (first & 0xFFE0u) == 0xF3E0u) { /* MSR, MRS */
        return cost(1, 2);
    }
    return cost(1, 1);
}

static struct cycle_count multiply(uint16_t first, uint16_t second, bool cortex_m4)
{
    uint32_t operation = first >> 4 & 7u;
    bool accumulates = second >> 12 != 0xFu || (second & 0xF0u) != 0;

    if ((first & 0x0080u) == 0) {
        if (operation != 0 || !accumulates) { /* the others exist on the M4 only */
            return cost(1, 1);
        }
        /* MLA and MLS: two cycles on the M3; on the M4 one or two, as revisions of its manual differ. */
        return cortex_m4 ? cost(1, 2) : cost(2, 2);
    }
    if (operation == 1 || operation == 3) { /* SDIV, UDIV end early */
        return cost(2, 12);
    }
    if (cortex_m4) {
        return cost(1, 1);
    }
    return operation < 4 ? cost(3, 5) : cost(4, 7); /* SMULL, UMULL; SMLAL, UMLAL */
}

static struct cycle_count load_single(uint16_t first, uint16_t second)
{
    uint32_t base = first & 0xFu;
    bool word = (first & 0x0070u) == 0x0050u;
    struct cycle_count single = load(base == SP ? 0 : 1);

    return word && second >> 12 == PC ? with_refill(single) : single;
}

/* Table "FPU instructions" of DDI 0439: loads and stores by words, 14 cycles to divide, 3 to multiply and add. */
static struct cycle_count floating(uint16_t first, uint16_t second)
{
    bool loads = (first & 0x0010u) != 0;
    uint32_t words = second & 0xFFu;

    if ((first & 0xFFE0u) == 0xEC40u) { /* VMOV of two registers */
        return cost(2, 2);
    }
    if ((first & 0xFE00u) == 0xEC00u) {
        if ((first & 0x0120u) == 0x0100u) { /* VLDR, VSTR */
            words = (second & 0x0100u) != 0 ? 2 : 1;
        }
        return loads ? load_many(words, first & 0xFu) : store_many(words);
    }
    if ((second & 0x0010u) != 0) { /* VMOV, VMRS, VMSR */
        return cost(1, 1);
    }
    if ((first & 0xFFB0u) == 0xEE80u || ((first & 0xFFBFu) == 0xEEB1u && (second & 0xC0u) == 0xC0u)) { /* VDIV, VSQRT */
        return cost(14, 14);
    }
    if ((first & 0xFFA0u) == 0xEE00u || (first & 0xFFB0u) == 0xEE90u || (first & 0xFFB0u) == 0xEEA0u) {
        return cost(3, 3); /* VMLA, VMLS, VNMLA, VNMLS; VFNMA, VFNMS; VFMA, VFMS */
    }
    return cost(1, 1);
}

static struct cycle_count wide(uint16_t first, uint16_t second, bool cortex_m4)
{
    if ((first & 0xEC00u) == 0xEC00u) {
        return floating(first, second);
    }
    switch (first >> 11) {
    case 0x1D:
        return (first & 0x0600u) == 0 ? load_store_many(first, second) : cost(1, 1);
    case 0x1E:
        return (second & 0x8000u) != 0 ? control(first, second) : cost(1, 1);
    default:
        if ((first & 0x0600u) == 0) {
            return (first & 0x0010u) != 0 ? load_single(first, second) : store();
        }
        return (first & 0x0700u) == 0x0300u ? multiply(first, second, cortex_m4) : cost(1, 1);
    }
}

struct cycle_count cycles_of(const struct cycle_instruction *instruction)
{
    struct cycle_count count;

    if (instruction->core == CORTEX_M0) {
        return cycles_of_cortex_m0(instruction->first);
    }
    count = (instruction->first >> 11) >= 0x1Du ? wide(instruction->first, instruction->second, instruction->core == CORTEX_M4)
                                                : narrow(instruction->first);
    if (instruction->conditional && count.low > 1) {
        count.low = 1; /* an instruction that its condition skips takes one cycle */
    }
    return count;
}

uint32_t cycles_conditional_after(uint16_t first)
{
    uint32_t mask = first & 0xFu;
    uint32_t count = 4;

    if ((first & 0xFF00u) != 0xBF00u || mask == 0) {
        return 0;
    }
    for (; (mask & 1u) == 0; mask >>= 1) {
        count--;
    }
    return count;
}
