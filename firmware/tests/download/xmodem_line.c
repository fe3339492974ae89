/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The receiver of XMODEM as a library for the tests: whoever loads it is the line. */
#include <string.h>

#include "hal.h"
#include "xmodem.h"

typedef int32_t (*line_receive)(uint32_t milliseconds); /* a byte, or -1: none came */
typedef void (*line_send)(uint8_t byte);

int32_t xmodem_line(line_receive receive, line_send send, uint8_t *bytes, uint32_t size_bytes, uint32_t *received_bytes);

static line_receive receive_byte;
static line_send send_byte;
static uint8_t *file;
static uint32_t file_bytes;
static uint32_t taken_bytes;

bool hal_uart_receive_within(uint8_t *byte, uint32_t milliseconds)
{
    const int32_t received = receive_byte(milliseconds);

    *byte = (uint8_t)received;
    return received >= 0;
}

void hal_uart_send(uint8_t byte)
{
    send_byte(byte);
}

static enum result take(uint32_t offset, const uint8_t block[XMODEM_BLOCK_BYTES])
{
    if (offset != taken_bytes || XMODEM_BLOCK_BYTES > file_bytes - taken_bytes) {
        return RESULT_ERROR_RANGE;
    }
    memcpy(file + taken_bytes, block, XMODEM_BLOCK_BYTES);
    taken_bytes += XMODEM_BLOCK_BYTES;
    return RESULT_OK;
}

int32_t xmodem_line(line_receive receive, line_send send, uint8_t *bytes, uint32_t size_bytes, uint32_t *received_bytes)
{
    enum result refusal;
    enum xmodem_end end;

    receive_byte = receive;
    send_byte = send;
    file = bytes;
    file_bytes = size_bytes;
    taken_bytes = 0;
    end = xmodem_receive(take, &refusal);
    *received_bytes = taken_bytes;
    return (int32_t)end;
}
