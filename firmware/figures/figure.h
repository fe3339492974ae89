/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What every measuring program shares.
 *
 * 1. Inputs are words that the harness puts into the region `inputs` before the boot.
 * 2. A mark is one half-word programmed into the region `marks`: the harness reads in its operation log how many
 *    instructions lie between two marks.
 */
#ifndef FIGURE_H
#define FIGURE_H

#include <stdint.h>

/* Word `index` of the inputs. */
uint32_t figure_input(uint32_t index);

/* The inputs as bytes, from word `index` on. */
const uint8_t *figure_input_bytes(uint32_t index);

/* Program the next mark. */
void figure_mark(uint16_t value);

/* Send a word over the UART, least significant byte first. */
void figure_send(uint32_t word);

#endif
