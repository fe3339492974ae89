/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a debugger needs to name the callers of the code that asked for an operation. Kept only where a caller of this library asks for it. */
#ifndef CALL_STACK_H
#define CALL_STACK_H

#include <stdint.h>

struct machine;

#define CALL_STACK_REGISTERS 16u
#define CALL_STACK_WORDS 128u

/* Mirrors `_CALL_STACK` in call_stack.py: R0 to PC, and the words from the stack pointer upwards. */
struct call_stack {
    uint32_t registers[CALL_STACK_REGISTERS];
    uint32_t words[CALL_STACK_WORDS];
};

struct call_stacks {
    struct call_stack *kept; /* NULL: none are */
    uint32_t capacity;
};

/* From the next boot on keep the call stack of each operation at its index in `kept`, as far as that reaches; NULL stops it. */
void machine_keep_call_stacks(struct machine *m, struct call_stack *kept, uint32_t capacity);

/* Keep the call stack of operation `index`, asked for at `pc`. */
void call_stack_keep(struct machine *m, uint32_t index, uint32_t pc);

#endif
