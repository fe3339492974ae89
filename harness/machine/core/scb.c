/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "machine.h"

#include <string.h>

#define REGISTER_CPUID 0xE000ED00u
#define REGISTER_ICSR 0xE000ED04u
#define REGISTER_VTOR 0xE000ED08u
#define REGISTER_AIRCR 0xE000ED0Cu
#define REGISTER_CCR 0xE000ED14u
#define REGISTER_SHPR1 0xE000ED18u
#define REGISTER_SHPR2 0xE000ED1Cu
#define REGISTER_SHPR3 0xE000ED20u
#define REGISTER_SHCSR 0xE000ED24u
#define REGISTER_SCR 0xE000ED10u
#define REGISTER_CFSR 0xE000ED28u
#define REGISTER_HFSR 0xE000ED2Cu
#define REGISTER_MMFAR 0xE000ED34u
#define REGISTER_BFAR 0xE000ED38u
#define CFSR_MMARVALID 0x80u
#define CFSR_BFARVALID 0x8000u
#define REGISTER_CPACR 0xE000ED88u
#define REGISTER_STIR 0xE000EF00u
#define REGISTER_FPCCR 0xE000EF34u
#define REGISTER_MVFR0 0xE000EF40u
#define REGISTER_MVFR1 0xE000EF44u
#define REGISTER_DFSR 0xE000ED30u
#define REGISTER_DEMCR 0xE000EDFCu

#define ICSR_NMIPENDSET 0x80000000u
#define ICSR_PENDSVSET 0x10000000u
#define ICSR_PENDSVCLR 0x08000000u
#define ICSR_PENDSTSET 0x04000000u
#define ICSR_PENDSTCLR 0x02000000u
#define VTOR_MASK 0x3FFFFF80u
#define AIRCR_KEY 0x05FAu
#define AIRCR_KEY_READ 0xFA050000u
#define AIRCR_PRIGROUP_SHIFT 8u
#define AIRCR_PRIGROUP 0x700u
#define AIRCR_SYSRESETREQ 0x4u
#define AIRCR_VECTRESET 0x1u
#define CCR_BFHFNMIGN 0x100u
#define CCR_STKALIGN 0x200u
#define CCR_UNALIGN_TRP 0x8u
#define STIR_INTERRUPT 0x1FFu
#define EVERY_BYTE 0x01010101u
#define SHCSR_MEMFAULTENA_SHIFT 16u
#define HFSR_FORCED 0x40000000u
#define HFSR_DEBUGEVT 0x80000000u
#define SCR_SEVONPEND 0x10u
#define CPACR_FLOAT 0x00F00000u
#define FPCCR_ASPEN 0x80000000u
#define FPCCR_AFTER_RESET 0xC0000000u /* ASPEN, LSPEN */
#define MVFR0_SINGLE_PRECISION 0x10110021u
#define MVFR1_SINGLE_PRECISION 0x11000011u
#define DEMCR_TRCENA 0x01000000u

static uint32_t *at(struct machine *m, uint32_t address)
{
    return &m->scb.registers[(address - SCB_BLOCK_ADDRESS) / 4];
}

static uint32_t value_of(const struct machine *m, uint32_t address)
{
    return m->scb.registers[(address - SCB_BLOCK_ADDRESS) / 4];
}

void scb_reset(struct machine *m)
{
    memset(m->scb.registers, 0, SCB_BLOCK_BYTES);
    *at(m, REGISTER_CPUID) = m->chip->cpuid;
    *at(m, REGISTER_AIRCR) = AIRCR_KEY_READ;
    *at(m, REGISTER_CCR) = m->chip->is_armv6m ? CCR_STKALIGN | CCR_UNALIGN_TRP : CCR_STKALIGN;
    if (m->chip->has_fpu) {
        *at(m, REGISTER_FPCCR) = FPCCR_AFTER_RESET;
        *at(m, REGISTER_MVFR0) = MVFR0_SINGLE_PRECISION;
        *at(m, REGISTER_MVFR1) = MVFR1_SINGLE_PRECISION;
    }
}

static void write_icsr(struct machine *m, uint32_t value)
{
    if ((value & ICSR_NMIPENDSET) != 0) {
        exception_pend(m, EXCEPTION_NMI);
    }
    if ((value & ICSR_PENDSVSET) != 0) {
        exception_pend(m, EXCEPTION_PENDSV);
    } else if ((value & ICSR_PENDSVCLR) != 0) {
        exception_unpend(m, EXCEPTION_PENDSV);
    }
    if ((value & ICSR_PENDSTSET) != 0) {
        exception_pend(m, EXCEPTION_SYSTICK);
    } else if ((value & ICSR_PENDSTCLR) != 0) {
        exception_unpend(m, EXCEPTION_SYSTICK);
    }
}

static void write_aircr(struct machine *m, uint32_t value, const struct flash_store *store)
{
    if (value >> 16 != AIRCR_KEY) {
        return;
    }
    if (m->chip->is_armv6m) {
        value &= AIRCR_SYSRESETREQ;
    }
    *at(m, REGISTER_AIRCR) = AIRCR_KEY_READ | (value & AIRCR_PRIGROUP);
    if ((value & (AIRCR_SYSRESETREQ | AIRCR_VECTRESET)) != 0) {
        machine_end(m, END_RESET, store->pc, store->instructions, "%s",
                    (value & AIRCR_SYSRESETREQ) != 0 ? "SYSRESETREQ" : "VECTRESET");
    }
}

/* The whole word after a store of one, two or four bytes. */
static uint32_t merge(const struct machine *m, const struct flash_store *store)
{
    uint32_t shift = 8 * (store->address % 4);
    uint32_t mask = store->size_bytes == 4 ? UINT32_MAX : ((UINT32_C(1) << (8 * store->size_bytes)) - 1) << shift;

    return (value_of(m, store->address & ~3u) & ~mask) | ((store->value << shift) & mask);
}

/* The registers of ARMv6-M that take a write (ARMv6-M B3.2); all others read as after reset. */
static bool armv6m_takes(uint32_t address)
{
    return address == REGISTER_ICSR || address == REGISTER_AIRCR || address == REGISTER_SCR || address == REGISTER_SHPR2 ||
           address == REGISTER_SHPR3;
}

void scb_write(struct machine *m, const struct flash_store *store)
{
    uint32_t address = store->address & ~3u;
    uint32_t value;

    if (store->address % store->size_bytes != 0) {
        machine_end(m, END_UNSUPPORTED, store->pc, store->instructions, "unaligned write to 0x%08X", store->address);
        return;
    }
    if (m->chip->is_armv6m && !armv6m_takes(address)) {
        return;
    }
    value = merge(m, store);
    switch (address) {
    case REGISTER_CPUID:
        break;
    case REGISTER_ICSR:
        write_icsr(m, value);
        break;
    case REGISTER_VTOR:
        *at(m, address) = value & VTOR_MASK;
        break;
    case REGISTER_AIRCR:
        write_aircr(m, value, store);
        break;
    case REGISTER_CFSR:
    case REGISTER_CFSR + 4:
    case REGISTER_DFSR:
        *at(m, address) &= ~store->value;
        break;
    case REGISTER_DEMCR: {
        bool was = scb_trace_enabled(m);

        *at(m, address) = value;
        dwt_trace_enable(m, was);
        break;
    }
    case REGISTER_STIR:
        nvic_trigger(m, value & STIR_INTERRUPT);
        break;
    default:
        if (mpu_write(m, address, value)) {
            break;
        }
        *at(m, address) = address >= REGISTER_SHPR1 && address <= REGISTER_SHPR3 ? value & m->chip->priority_mask * EVERY_BYTE : value;
        break;
    }
}

uint32_t scb_vector_table(const struct machine *m)
{
    return value_of(m, REGISTER_VTOR);
}

uint32_t scb_priority(const struct machine *m, uint32_t exception)
{
    uint32_t word = value_of(m, REGISTER_SHPR1 + (exception - 4) / 4 * 4);

    return (word >> (8 * (exception % 4))) & 0xFFu;
}

uint32_t scb_group_mask(const struct machine *m)
{
    uint32_t group = (value_of(m, REGISTER_AIRCR) & AIRCR_PRIGROUP) >> AIRCR_PRIGROUP_SHIFT;

    return ~((2u << group) - 1) & 0xFFu;
}

bool scb_fault_enabled(const struct machine *m, uint32_t exception)
{
    return (value_of(m, REGISTER_SHCSR) >> (SHCSR_MEMFAULTENA_SHIFT + exception - 4) & 1u) != 0;
}

void scb_show_fault(struct machine *m, uint32_t status, uint32_t address, bool hard)
{
    if (m->chip->is_armv6m) {
        return; /* nothing tells the cause there */
    }
    *at(m, REGISTER_CFSR) |= status;
    if ((status & CFSR_MMARVALID) != 0) {
        *at(m, REGISTER_MMFAR) = address;
    }
    if ((status & CFSR_BFARVALID) != 0) {
        *at(m, REGISTER_BFAR) = address;
    }
    if (hard) {
        *at(m, REGISTER_HFSR) |= status == 0 ? HFSR_DEBUGEVT : HFSR_FORCED;
    }
}

bool scb_float_enabled(const struct machine *m)
{
    return (value_of(m, REGISTER_CPACR) & CPACR_FLOAT) != 0 && (value_of(m, REGISTER_FPCCR) & FPCCR_ASPEN) != 0;
}

bool scb_events_on_pending(const struct machine *m)
{
    return (value_of(m, REGISTER_SCR) & SCR_SEVONPEND) != 0;
}

void scb_show(struct machine *m, uint32_t address, uint32_t value)
{
    *at(m, address) = value;
}

void scb_show_exceptions(struct machine *m, uint32_t active, uint32_t pending)
{
    uint32_t shown = active;

    shown |= (pending >> EXCEPTION_NMI & 1u) != 0 ? ICSR_NMIPENDSET : 0;
    shown |= (pending >> EXCEPTION_PENDSV & 1u) != 0 ? ICSR_PENDSVSET : 0;
    shown |= (pending >> EXCEPTION_SYSTICK & 1u) != 0 ? ICSR_PENDSTSET : 0;
    *at(m, REGISTER_ICSR) = shown;
}

bool scb_ignores_bus_faults(const struct machine *m)
{
    uint32_t faultmask = 0;

    uc_reg_read(m->engine, UC_ARM_REG_FAULTMASK, &faultmask);
    return (value_of(m, REGISTER_CCR) & CCR_BFHFNMIGN) != 0 && (faultmask & 1u) != 0;
}

bool scb_aligns_stack(const struct machine *m)
{
    return (value_of(m, REGISTER_CCR) & CCR_STKALIGN) != 0;
}

bool scb_trace_enabled(const struct machine *m)
{
    return (value_of(m, REGISTER_DEMCR) & DEMCR_TRCENA) != 0;
}
