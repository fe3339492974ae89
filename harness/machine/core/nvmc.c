/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "nvmc_private.h"

#include <string.h>

#define READY 1u
#define UICR_APPROTECT 0x208u
#define APPROTECT_DISABLED 0xFFu
#define PARTIAL_AFTER_RESET_MS 10u
#define PARTIAL_DURATION 0x7Fu

void nvmc_misuse(struct machine *m, enum misuse_kind kind, const struct flash_store *store)
{
    operation_log_misuse(m, kind, store->address, store->pc);
}

static void show_ready(struct machine *m, bool ready)
{
    *nvmc_register(m, REGISTER_READY) = ready ? READY : 0;
    if (m->chip->nrf->has_partial_erase) {
        *nvmc_register(m, REGISTER_READYNEXT) = ready ? READY : 0;
    }
}

void nvmc_reset(struct machine *m, const struct boot_request *request)
{
    memset(m->nvmc.registers, 0, NVMC_BLOCK_BYTES);
    if (m->chip->nrf->has_partial_erase) {
        *nvmc_register(m, REGISTER_ERASEPAGEPARTIALCFG) = PARTIAL_AFTER_RESET_MS;
    }
    show_ready(m, true);
    nvmc_take_history(m, request);
    m->nvmc.port_closed = m->chip->nrf->has_access_port && m->option_bytes.cells[UICR_APPROTECT] != APPROTECT_DISABLED;
    m->nvmc.busy = false;
    m->nvmc.busy_until_fs = 0;
}

static void finish(struct machine *m)
{
    m->nvmc.busy = false;
    show_ready(m, true);
}

void nvmc_start(struct machine *m, const struct flash_store *store, uint64_t duration_ps)
{
    uint32_t offset;

    m->nvmc.busy = true;
    m->nvmc.busy_until_fs = clock_fs(m, store->instructions) + duration_ps * FEMTOSECONDS_PER_PICOSECOND;
    if (flash_locate(m, store->pc, &offset)) {
        clock_stall_until(m, store->instructions, m->nvmc.busy_until_fs);
        finish(m);
    } else {
        show_ready(m, false);
    }
    machine_schedule(m);
}

void nvmc_complete(struct machine *m, uint64_t instructions)
{
    if (m->nvmc.busy) {
        clock_stall_until(m, instructions, m->nvmc.busy_until_fs);
        finish(m);
        machine_schedule(m);
    }
}

void nvmc_advance(struct machine *m, uint32_t pc)
{
    uint32_t offset;

    if (!m->nvmc.busy) {
        return;
    }
    if (flash_locate(m, pc, &offset)) {
        clock_stall_until(m, m->instructions, m->nvmc.busy_until_fs);
    }
    if (clock_fs(m, m->instructions) >= m->nvmc.busy_until_fs) {
        finish(m);
        machine_schedule(m);
    }
}

void nvmc_write(struct machine *m, const struct flash_store *store)
{
    uint32_t offset = store->address - m->config.nvmc_address;

    if (store->size_bytes != 4 || offset % 4 != 0) {
        /* The manual says nothing about it, and no driver does it. */
        machine_end(m, END_UNSUPPORTED, store->pc, store->instructions, "write of %u bytes to flash register 0x%08X",
                    store->size_bytes, store->address);
        return;
    }
    if (!m->chip->nrf->has_partial_erase && offset > REGISTER_ERASEUICR) {
        return; /* registers of the nRF52 alone */
    }
    if (m->nvmc.busy && offset != REGISTER_ERASEPAGEPARTIALCFG) {
        nvmc_misuse(m, MISUSE_BUSY_WRITE, store); /* PS 4.3: wait for READY; the core is taken to wait for it here */
        nvmc_complete(m, store->instructions);
    }
    switch (offset) {
    case REGISTER_READY:
    case REGISTER_READYNEXT:
        break;
    case REGISTER_CONFIG:
        *nvmc_register(m, offset) = store->value & (CONFIG_WRITE | CONFIG_ERASE);
        break;
    case REGISTER_ERASEPAGEPARTIALCFG:
        *nvmc_register(m, offset) = store->value & PARTIAL_DURATION;
        break;
    case REGISTER_ERASEPAGE:
    case REGISTER_ERASEALL:
    case REGISTER_ERASEPCR0:
    case REGISTER_ERASEUICR:
    case REGISTER_ERASEPAGEPARTIAL:
        nvmc_erase(m, store, offset);
        break;
    default:
        *nvmc_register(m, offset) = store->value; /* the instruction cache: no effect on what code computes */
        break;
    }
}
