/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Steps that show rules which nRF51 and nRF52 share. Only the pages of `scratch` change. */
#ifndef CONFORMANCE_NVMC_STEPS_H
#define CONFORMANCE_NVMC_STEPS_H

#include <stdint.h>

static volatile uint32_t *const CELL = (volatile uint32_t *)REGION_SCRATCH_ADDRESS;
static volatile uint32_t *const UICR = (volatile uint32_t *)0x10001000u;
static const uint32_t ERASED = 0xFFFFFFFFu;

/* Keep what CONFIG and READY were after the reset, for `see_reset`. */
void keep_reset(void);

/* Erase the first scratch page; CONFIG is read-only afterwards. */
void begin(void);

/* One rule each: what was seen. */
const char *see_reset(void);
const char *see_program(void);
const char *see_second_write(void);
const char *see_ones_over_zeros(void);
const char *see_third_write(void);
const char *provoke_store_read_only(void);
const char *provoke_store_while_erase_enabled(void);
const char *provoke_byte_store(void);
const char *provoke_half_word_store(void);
const char *provoke_unaligned_store(void);
const char *see_erase(void);
const char *see_erase_read_only(void);
const char *see_erase_while_write_enabled(void);
const char *see_busy_from_ram(void);

/* Erase everything, from RAM, and send one of two lines: `erased` if flash and the word of UICR are erased. Does not return. */
_Noreturn void erase_everything(const volatile char *erased, const volatile char *kept, uint32_t uicr_word);

#endif
