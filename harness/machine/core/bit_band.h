/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Bit-band aliases of the Cortex-M3 (TRM 3.7): one word an address, for each bit of the first megabyte of RAM and of registers. */
#ifndef BIT_BAND_H
#define BIT_BAND_H

#include <stdint.h>

struct machine;

/* Map both aliases. */
int32_t bit_band_install(struct machine *m);

#endif
