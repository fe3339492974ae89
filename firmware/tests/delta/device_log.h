/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The log of a device on the fake flash. */
#ifndef TESTS_DEVICE_LOG_H
#define TESTS_DEVICE_LOG_H

#include "log.h"

/* Write this state to the log, with a boot of its own. */
void device_write_log(const struct log_state *state);

/* The state of the log. */
struct log_state device_state(void);

#endif
