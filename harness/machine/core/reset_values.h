/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What registers without a model read after a reset, where that is not 0. They stay plain storage, and an access to them is
 * still told as not modelled: the value is the manual's, what the peripheral would do is not.
 */
#ifndef RESET_VALUES_H
#define RESET_VALUES_H

#include <stdint.h>

struct machine;

/* `count` registers, `step_bytes` apart. */
struct reset_value {
    uint32_t address;
    uint32_t value;
    uint16_t count;
    uint16_t step_bytes;
};

/* RM0008: the "reset value" of each register's description. */
extern const struct reset_value reset_values_stm32f103[];

/* PS: the "reset" line of each register's description. */
extern const struct reset_value reset_values_nrf52840[];

/* Put the chip's values into plain storage; the table ends with a count of 0. */
void reset_values_apply(struct machine *m);

#endif
