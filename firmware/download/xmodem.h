/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Receiver of XMODEM-CRC (SPEC, "Download").
 *
 * 1. The receiver asks: with 'C' for the first block, after silence or damage with NAK. It gives up after XMODEM_TRIES_MAX in a row.
 * 2. A block counts if its number, the complement and the CRC agree. It is acknowledged after `take` returned, never before: what
 *    the sender heard of is in flash.
 *
 *        number received     what is done
 *        the next            take it, ACK
 *        the one before      it came twice because an ACK was lost: ACK, nothing is taken
 *        another             blocks are lost for good: CAN, and the end
 *
 * 3. An end is believed when it comes twice in a row, as a cancellation is: one byte may be damage.
 * 4. Before the receiver says anything the line must be silent. So it never answers the rest of a damaged block, and a block that a
 *    link repeats, or brings late, is acknowledged once: an ACK has no number, and the sender would take two for two blocks.
 */
#ifndef DOWNLOAD_XMODEM_H
#define DOWNLOAD_XMODEM_H

#include <stdint.h>

#include "result.h"

enum { XMODEM_BLOCK_BYTES = 128, XMODEM_TRIES_MAX = 10 };

enum xmodem_end {
    XMODEM_RECEIVED,
    XMODEM_CANCELLED, /* by the sender */
    XMODEM_SILENT,    /* nothing came, or nothing but damage */
    XMODEM_LOST,      /* a block that is neither the next nor the one before */
    XMODEM_REFUSED    /* by `take`; the sender was told */
};

/* What to do with the next 128 bytes, the first of which is the byte `offset` of the file. Anything but RESULT_OK ends the transfer. */
typedef enum result (*xmodem_take)(uint32_t offset, const uint8_t block[XMODEM_BLOCK_BYTES]);

/* Receive a file. `refusal` is what `take` returned last. */
enum xmodem_end xmodem_receive(xmodem_take take, enum result *refusal);

#endif
