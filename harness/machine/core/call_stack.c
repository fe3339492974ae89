/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "machine.h"

#include <string.h>

#define SP 13u
#define LR 14u
#define PC 15u

void machine_keep_call_stacks(struct machine *m, struct call_stack *kept, uint32_t capacity)
{
    m->call_stacks = (struct call_stacks){kept, capacity};
}

void call_stack_keep(struct machine *m, uint32_t index, uint32_t pc)
{
    if (m->call_stacks.kept == NULL || index >= m->call_stacks.capacity) {
        return;
    }
    struct call_stack *stack = &m->call_stacks.kept[index];

    memset(stack, 0, sizeof(*stack));
    for (uint32_t number = 0; number < SP; number++) {
        uc_reg_read(m->engine, UC_ARM_REG_R0 + (int)number, &stack->registers[number]);
    }
    uc_reg_read(m->engine, UC_ARM_REG_SP, &stack->registers[SP]);
    uc_reg_read(m->engine, UC_ARM_REG_LR, &stack->registers[LR]);
    stack->registers[PC] = pc;

    uint32_t offset = stack->registers[SP] - m->config.ram_address;

    if (offset < m->config.ram_bytes) {
        uint32_t left = m->config.ram_bytes - offset;

        memcpy(stack->words, m->ram + offset, left < sizeof(stack->words) ? left : sizeof(stack->words));
    }
}
