/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A record: a payload followed by its complement, in the metadata region.
 *
 * 1. Whole, it has exactly one 1 bit for each bit of the payload: either in the payload or in the complement.
 * 2. An interrupted program leaves ones that should be zeros, an interrupted erase turns zeros into ones: both only add
 *    ones. So a torn record has two ones for at least one bit, and is never valid. Not with a probability: never.
 * 3. A blank record is all ones. Only a blank record is ever programmed, and in one go: no cell is written twice.
 */
#ifndef BOOT_RECORD_H
#define BOOT_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "result.h"

enum { RECORD_PAYLOAD_BYTES_MAX = 8 };

/* The payload of the valid record at `offset` of the metadata region; NULL if it is blank, torn or out of range. */
const uint8_t *record_payload(uint32_t offset, uint32_t payload_bytes);

/* How many of `count` records from `offset` on are used: the index after the last one that is not blank. */
uint32_t record_used(uint32_t offset, uint32_t payload_bytes, uint32_t count);

/* Write a record where a blank one is. Twice `payload_bytes` is a multiple of PROGRAM_BYTES. */
enum result record_write(uint32_t offset, const uint8_t *payload, uint32_t payload_bytes);

#endif
