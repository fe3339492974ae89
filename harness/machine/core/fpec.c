/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "fpec_private.h"

#include <string.h>

#define KEY1 0x45670123u
#define KEY2 0xCDEF89ABu
#define ACR_AFTER_RESET 0x30u
#define ACR_WRITABLE 0x1Fu
#define ACR_LATENCY 0x07u
#define ACR_PRFTBE 0x10u
#define ACR_PRFTBS 0x20u

void fpec_bus_fault(struct machine *m, const struct flash_store *store, const char *why)
{
    if (scb_ignores_bus_faults(m)) {
        return;
    }
    fault_raise(m, FAULT_DATA, store->address, store->pc, "bus error: write of %u byte%s at 0x%08X: %s", store->size_bytes,
                store->size_bytes == 1 ? "" : "s", store->address, why);
}

void fpec_misuse(struct machine *m, enum misuse_kind kind, const struct flash_store *store)
{
    operation_log_misuse(m, kind, store->address, store->pc);
}

void fpec_refuse(struct machine *m, enum misuse_kind kind, uint32_t flag, const struct flash_store *store)
{
    *at(m, REGISTER_SR) |= flag;
    fpec_misuse(m, kind, store);
}

void fpec_reset(struct machine *m)
{
    memset(m->fpec.registers, 0, FPEC_BLOCK_BYTES);
    *at(m, REGISTER_ACR) = ACR_AFTER_RESET;
    *at(m, REGISTER_CR) = CR_LOCK;
    *at(m, REGISTER_OBR) = m->option_bytes.obr;
    *at(m, REGISTER_WRPR) = m->option_bytes.wrpr;
    m->fpec.lock = FPEC_LOCKED;
    m->fpec.option_lock = FPEC_LOCKED;
    m->fpec.busy = false;
    m->fpec.late = false;
    m->fpec.busy_until_fs = 0;
}

static void finish(struct machine *m)
{
    m->fpec.busy = false;
    m->fpec.late = false;
    *at(m, REGISTER_SR) = (*at(m, REGISTER_SR) & ~SR_BSY) | SR_EOP;
    *at(m, REGISTER_CR) &= ~CR_STRT;
}

bool fpec_has_clock(struct machine *m, const struct flash_store *store)
{
    if (!rcc_internal_oscillator_runs(m)) {
        fpec_misuse(m, MISUSE_CLOCK_OFF, store);
        return false;
    }
    return true;
}

/* The controller works for `duration_ps`; code in flash is not fetched before it is done (PM0075 2.3.3). */
void fpec_start(struct machine *m, const struct flash_store *store, uint64_t duration_ps)
{
    uint32_t offset;
    uint64_t now_fs = clock_fs(m, store->instructions);

    m->fpec.busy = true;
    m->fpec.busy_until_fs = now_fs + duration_ps * FEMTOSECONDS_PER_PICOSECOND;
    if (flash_locate(m, store->pc, &offset)) {
        clock_stall_until(m, store->instructions, m->fpec.busy_until_fs);
        finish(m);
    } else if (fpec_is_polled_at_once(m, store)) {
        m->fpec.late = true;
    } else {
        *at(m, REGISTER_SR) |= SR_BSY;
    }
    machine_schedule(m);
}

void fpec_complete(struct machine *m, uint64_t instructions)
{
    if (m->fpec.busy) {
        clock_stall_until(m, instructions, m->fpec.busy_until_fs);
        finish(m);
        machine_schedule(m);
    }
}

void fpec_advance(struct machine *m, uint32_t pc)
{
    uint32_t offset;

    if (!m->fpec.busy) {
        return;
    }
    if (m->fpec.late) {
        m->fpec.late = false;
        *at(m, REGISTER_SR) |= SR_BSY;
    }
    if (flash_locate(m, pc, &offset)) {
        clock_stall_until(m, m->instructions, m->fpec.busy_until_fs);
    }
    if (clock_fs(m, m->instructions) >= m->fpec.busy_until_fs) {
        finish(m);
        machine_schedule(m);
    }
}

static void write_control(struct machine *m, const struct flash_store *store)
{
    uint32_t value = store->value;
    uint32_t *control = at(m, REGISTER_CR);
    uint32_t option_enabled = *control & value & CR_OPTWRE; /* software can clear it, only keys set it */

    if (m->fpec.lock != FPEC_UNLOCKED) {
        if (value != *control) {
            fpec_misuse(m, MISUSE_LOCKED, store);
        }
        return;
    }
    *control = (value & (CR_PLAIN | CR_LOCK | CR_STRT)) | option_enabled;
    if ((value & CR_LOCK) != 0) {
        m->fpec.lock = FPEC_LOCKED;
        m->fpec.option_lock = FPEC_LOCKED;
        *control &= ~(CR_STRT | CR_OPTWRE);
    } else if ((value & CR_STRT) != 0) {
        fpec_start_erase(m, store);
    }
}

static void write_key(struct machine *m, const struct flash_store *store)
{
    struct fpec *fpec = &m->fpec;

    if (fpec->lock == FPEC_UNLOCKED) {
        return; /* keys written again: harmless on the hardware, and ST's own library does it */
    }
    if (fpec->lock == FPEC_LOCKED && store->value == KEY1) {
        fpec->lock = FPEC_HALF_UNLOCKED;
    } else if (fpec->lock == FPEC_HALF_UNLOCKED && store->value == KEY2) {
        fpec->lock = FPEC_UNLOCKED;
        *at(m, REGISTER_CR) &= ~CR_LOCK;
    } else {
        fpec->lock = FPEC_DEAD;
        fpec_misuse(m, MISUSE_WRONG_KEY, store);
        fpec_bus_fault(m, store, "wrong flash key");
    }
}

static void write_option_key(struct machine *m, const struct flash_store *store)
{
    struct fpec *fpec = &m->fpec;

    if (fpec->lock != FPEC_UNLOCKED) {
        fpec_misuse(m, MISUSE_LOCKED, store);
    } else if (fpec->option_lock == FPEC_LOCKED && store->value == KEY1) {
        fpec->option_lock = FPEC_HALF_UNLOCKED;
    } else if (fpec->option_lock == FPEC_HALF_UNLOCKED && store->value == KEY2) {
        fpec->option_lock = FPEC_LOCKED;
        *at(m, REGISTER_CR) |= CR_OPTWRE;
    } else {
        fpec->option_lock = FPEC_DEAD;
        fpec_misuse(m, MISUSE_WRONG_KEY, store);
    }
}

static void write_while_busy(struct machine *m, const struct flash_store *store, uint32_t offset)
{
    /* "The registers are not accessible in write mode when the BSY bit is set" (PM0075 2.3.3). */
    if (offset == REGISTER_CR || offset == REGISTER_AR) {
        fpec_misuse(m, MISUSE_BUSY_WRITE, store);
    }
}

void fpec_write(struct machine *m, const struct flash_store *store)
{
    uint32_t offset = store->address - m->config.fpec_address;

    if (store->size_bytes != 4 || offset % 4 != 0) {
        /* Half-word accesses work on the hardware; bytes and unaligned ones are nothing that a driver does. */
        machine_end(m, END_UNSUPPORTED, store->pc, store->instructions, "write of %u bytes to flash register 0x%08X",
                    store->size_bytes, store->address);
        return;
    }
    if (m->fpec.busy) {
        write_while_busy(m, store, offset);
        return;
    }
    switch (offset) {
    case REGISTER_ACR:
        *at(m, offset) = (store->value & ACR_WRITABLE) | ((store->value & ACR_PRFTBE) != 0 ? ACR_PRFTBS : 0);
        clock_set_wait_states(m, store->instructions, store->value & ACR_LATENCY);
        break;
    case REGISTER_KEYR:
        write_key(m, store);
        break;
    case REGISTER_OPTKEYR:
        write_option_key(m, store);
        break;
    case REGISTER_SR:
        *at(m, offset) &= ~(store->value & SR_FLAGS);
        break;
    case REGISTER_CR:
        write_control(m, store);
        break;
    case REGISTER_AR:
        if (m->fpec.lock == FPEC_UNLOCKED) {
            *at(m, offset) = store->value;
        } else {
            fpec_misuse(m, MISUSE_LOCKED, store);
        }
        break;
    default:
        break; /* OBR and WRPR are read-only, the rest is reserved */
    }
}
