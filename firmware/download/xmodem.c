/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "xmodem.h"

#include <stdbool.h>

#include "crc16.h"
#include "hal.h"

enum { SOH = 0x01, EOT = 0x04, ACK = 0x06, NAK = 0x15, CAN = 0x18, ASK_FOR_CRC = 'C' };

enum { FIRST_WAIT_MS = 3000, NEXT_WAIT_MS = 10000, BYTE_WAIT_MS = 1000, SILENCE_MS = 20 };

/* Number, complement, block, CRC with its high byte first. */
enum { AT_NUMBER = 0, AT_COMPLEMENT = 1, AT_BLOCK = 2, AT_CRC = AT_BLOCK + XMODEM_BLOCK_BYTES, FRAME_BYTES = AT_CRC + 2 };

struct transfer {
    uint8_t frame[FRAME_BYTES]; /* without its SOH */
    uint32_t blocks;            /* taken */
    uint32_t tries;             /* since the last block */
    uint8_t before;             /* the last byte that began something: EOT and CAN are believed the second time */
};

/* A sender that never stops is not waited for. */
static void wait_for_silence(void)
{
    uint8_t byte;

    for (uint32_t bytes = 0; bytes < 2 * FRAME_BYTES && hal_uart_receive_within(&byte, SILENCE_MS); bytes++) {
    }
}

static void answer(uint8_t byte)
{
    wait_for_silence();
    hal_uart_send(byte);
}

/* Ask for the next block. */
static void ask(const struct transfer *transfer)
{
    answer(transfer->blocks == 0 ? ASK_FOR_CRC : NAK);
}

static bool receive_frame(struct transfer *transfer)
{
    const uint8_t *frame = transfer->frame;

    for (uint32_t i = 0; i < FRAME_BYTES; i++) {
        if (!hal_uart_receive_within(&transfer->frame[i], BYTE_WAIT_MS)) {
            return false;
        }
    }
    return (frame[AT_NUMBER] ^ frame[AT_COMPLEMENT]) == 0xFF &&
           crc16_of(frame + AT_BLOCK, XMODEM_BLOCK_BYTES) == (uint16_t)((uint32_t)frame[AT_CRC] << 8 | frame[AT_CRC + 1]);
}

/* A block came, undamaged. */
static enum xmodem_end accept(struct transfer *transfer, xmodem_take take, enum result *refusal)
{
    const uint8_t number = transfer->frame[AT_NUMBER];

    if (number == (uint8_t)(transfer->blocks + 1)) {
        *refusal = take(transfer->blocks * XMODEM_BLOCK_BYTES, transfer->frame + AT_BLOCK);
        if (*refusal != RESULT_OK) {
            return XMODEM_REFUSED;
        }
        transfer->blocks++;
        transfer->tries = 0;
    } else if (transfer->blocks == 0 || number != (uint8_t)transfer->blocks) {
        return XMODEM_LOST;
    }
    answer(ACK);
    return XMODEM_RECEIVED;
}

/* What begins with this byte. `is_over` tells whether the transfer ended, and how; what was damaged is asked for again. */
static enum xmodem_end begin(struct transfer *transfer, uint8_t byte, xmodem_take take, enum result *refusal, bool *is_over)
{
    const bool is_second = transfer->before == byte;
    enum xmodem_end end = XMODEM_RECEIVED;

    transfer->before = byte;
    if (byte == SOH && receive_frame(transfer)) {
        end = accept(transfer, take, refusal);
        *is_over = end != XMODEM_RECEIVED;
        return end;
    }
    if (byte == EOT && is_second) {
        answer(ACK);
        *is_over = true;
    } else if (byte == CAN) {
        end = XMODEM_CANCELLED;
        *is_over = is_second;
    } else {
        ask(transfer);
    }
    return end;
}

enum xmodem_end xmodem_receive(xmodem_take take, enum result *refusal)
{
    static struct transfer transfer;
    enum xmodem_end end = XMODEM_SILENT;
    bool is_over = false;
    uint8_t byte;

    transfer = (struct transfer){.blocks = 0};
    *refusal = RESULT_OK;
    ask(&transfer);
    while (!is_over && transfer.tries < XMODEM_TRIES_MAX) {
        transfer.tries++;
        if (hal_uart_receive_within(&byte, transfer.blocks == 0 ? FIRST_WAIT_MS : NEXT_WAIT_MS)) {
            end = begin(&transfer, byte, take, refusal, &is_over);
        } else {
            transfer.before = 0;
            ask(&transfer);
        }
    }
    if (!is_over) {
        end = XMODEM_SILENT;
    }
    if (end != XMODEM_RECEIVED && end != XMODEM_CANCELLED) {
        answer(CAN);
        hal_uart_send(CAN);
    }
    return end;
}
