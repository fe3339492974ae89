/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Recovery: no application may be started.
 *
 * 1. Nothing is written and nothing is started.
 * 2. The reason is said once, and again for every byte that arrives.
 */
#ifndef BOOT_RECOVERY_H
#define BOOT_RECOVERY_H

#include "boot.h"

_Noreturn void recovery_wait(const struct boot_end *end);

#endif
