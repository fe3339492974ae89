/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Boots of a bootloader on the fake flash. */
#ifndef TESTS_BOOTS_H
#define TESTS_BOOTS_H

#include "flash_fake.h"

/* Boot once as main.c does. */
enum fake_end run_boot(void);

/* Boot until an application starts or the bootloader waits; fails the test after three boots. */
enum fake_end run_until_settled(void);

#endif
