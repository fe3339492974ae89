/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A streaming .spk parser: takes one byte at a time, keeps the header and a running CRC, and authenticates nothing. */
#include <string.h>

#include "figure.h"
#include "hal.h"

enum { HEADER_BYTES = 144, AT_TOTAL = 6, AT_CODE = 10, AT_CRC = 34 };

struct parser {
    uint8_t header[HEADER_BYTES];
    uint32_t received;
    uint32_t crc;
};

static uint32_t load_word(const uint8_t *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static void parser_feed(struct parser *parser, uint8_t byte)
{
    if (parser->received < HEADER_BYTES) {
        parser->header[parser->received] = byte;
    } else {
        parser->crc ^= byte;
        for (uint32_t bit = 0; bit < 8; bit++) {
            parser->crc = (parser->crc >> 1) ^ (0xEDB88320u & (0u - (parser->crc & 1u)));
        }
    }
    parser->received++;
}

static int parser_is_whole(const struct parser *parser)
{
    return memcmp(parser->header, "SPK\x02", 4) == 0 && load_word(parser->header + AT_TOTAL) == parser->received &&
           load_word(parser->header + AT_CODE) == parser->received - HEADER_BYTES &&
           load_word(parser->header + AT_CRC) == ~parser->crc;
}

int main(void)
{
    struct parser parser = {.received = 0, .crc = 0xFFFFFFFFu};
    const uint32_t size_bytes = figure_input(0);

    hal_start();
    for (uint32_t i = 0; i < size_bytes; i++) {
        parser_feed(&parser, ((const volatile uint8_t *)REGION_MESSAGE_ADDRESS)[i]);
    }
    hal_uart_send(parser_is_whole(&parser) ? '+' : '-');
    hal_sleep();
}
