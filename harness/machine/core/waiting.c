/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "machine.h"

#include <string.h>

#define FIRST_SNAPSHOT 8u
#define WAITING_XPSR 16u /* of the registers of a snapshot */

void waiting_reset(struct machine *m)
{
    m->waiting.fed = false;
    m->waiting.valid = true;
    waiting_disturb(m);
}

void waiting_poll(struct machine *m)
{
    m->waiting.polled = true;
    machine_schedule(m);
}

void waiting_disturb(struct machine *m)
{
    m->waiting.polled = false;
    m->waiting.valid = false;
    m->waiting.polls = 0;
    m->waiting.next_snapshot = FIRST_SNAPSHOT;
}

static void read_registers(const struct machine *m, uint32_t *values)
{
    static int identifiers[WAITING_REGISTERS] = {
        UC_ARM_REG_R0,  UC_ARM_REG_R1,  UC_ARM_REG_R2,   UC_ARM_REG_R3,      UC_ARM_REG_R4,
        UC_ARM_REG_R5,  UC_ARM_REG_R6,  UC_ARM_REG_R7,   UC_ARM_REG_R8,      UC_ARM_REG_R9,
        UC_ARM_REG_R10, UC_ARM_REG_R11, UC_ARM_REG_R12,  UC_ARM_REG_SP,      UC_ARM_REG_LR,
        UC_ARM_REG_PSP, UC_ARM_REG_XPSR, UC_ARM_REG_PRIMASK, UC_ARM_REG_CONTROL,
    };
    void *pointers[WAITING_REGISTERS];

    for (uint32_t index = 0; index < WAITING_REGISTERS; index++) {
        pointers[index] = &values[index];
    }
    uc_reg_read_batch(m->engine, identifiers, pointers, WAITING_REGISTERS);
    values[WAITING_XPSR] |= m->memo.saturated;
}

static bool can_wait_for_ever(const struct machine *m)
{
    uint64_t cycle;
    uint64_t fs;

    return !m->fpec.busy && !exception_any(m) && !systick_next_interrupt(m, &cycle) &&
           !m->chip->next_event(m, &fs) && !m->nvmc.busy &&
           (!m->iwdg.running || m->waiting.fed);
}

/*
 * The firmware waits for the peer: the same again and again until that acts. Time goes on to there, or to where the domain counts
 * as settled; beside a watchdog every round is executed, because the firmware feeds it.
 */
static void wait_for_peer(struct machine *m, uint64_t fs)
{
    uint64_t settled_fs = m->domain_log.settled_fs;

    if (!m->iwdg.running) {
        clock_stall_until(m, m->instructions, settled_fs != 0 && settled_fs < fs ? settled_fs : fs);
        peer_run(m);
    }
}

void waiting_check(struct machine *m, uint32_t pc)
{
    struct waiting *waiting = &m->waiting;
    uint32_t registers[WAITING_REGISTERS];
    uint64_t fs;

    if (!waiting->polled) {
        return;
    }
    waiting->polled = false;
    waiting->polls++;
    read_registers(m, registers);
    if (waiting->valid && waiting->pc == pc && can_wait_for_ever(m) &&
        memcmp(registers, waiting->registers, sizeof(registers)) == 0 &&
        memcmp(m->ram, waiting->ram, m->config.ram_bytes) == 0) {
        if (peer_next(m, &fs)) {
            wait_for_peer(m, fs);
        } else {
            machine_end(m, END_WAITING, pc, m->instructions, "for input on %s", m->chip->uart_name);
        }
    } else if (waiting->polls == waiting->next_snapshot) {
        waiting->next_snapshot *= 2;
        waiting->valid = true;
        waiting->fed = false;
        waiting->pc = pc;
        memcpy(waiting->registers, registers, sizeof(registers));
        memcpy(waiting->ram, m->ram, m->config.ram_bytes);
    }
}
