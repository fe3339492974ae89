/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "line.h"

#include <stddef.h>

#include "hal.h"

static bool split(struct line *line, uint32_t length)
{
    bool in_word = false;

    line->count = 0;
    for (uint32_t i = 0; i < length; i++) {
        if (line->text[i] == ' ') {
            line->text[i] = '\0';
            in_word = false;
        } else if (!in_word) {
            if (line->count == LINE_WORDS_MAX) {
                return false;
            }
            line->words[line->count++] = line->text + i;
            in_word = true;
        }
    }
    line->text[length] = '\0';
    return true;
}

bool line_read(struct line *line)
{
    uint32_t length = 0;

    for (;;) {
        const char symbol = (char)hal_uart_receive();

        if (symbol == '\r' || symbol == '\n') {
            return length < LINE_BYTES_MAX && split(line, length);
        }
        if (length < LINE_BYTES_MAX) {
            line->text[length] = symbol;
        }
        length += length < LINE_BYTES_MAX;
    }
}

static int32_t digit_of(char symbol)
{
    if (symbol >= '0' && symbol <= '9') {
        return symbol - '0';
    }
    if (symbol >= 'a' && symbol <= 'f') {
        return symbol - 'a' + 10;
    }
    return symbol >= 'A' && symbol <= 'F' ? symbol - 'A' + 10 : -1;
}

int32_t line_bytes(const char *word, uint8_t *bytes, uint32_t size_bytes)
{
    uint32_t count = 0;

    for (; word[0] != '\0'; word += 2) {
        const int32_t high = digit_of(word[0]);
        const int32_t low = digit_of(word[1]); /* the 0 behind the word is no digit */

        if (high < 0 || low < 0 || count == size_bytes) {
            return -1;
        }
        bytes[count++] = (uint8_t)(high << 4 | low);
    }
    return (int32_t)count;
}

bool line_number(const char *word, uint32_t *number)
{
    *number = 0;
    for (uint32_t i = 0; word[i] != '\0'; i++) {
        const int32_t digit = digit_of(word[i]);

        if (digit < 0 || i == 8) {
            return false;
        }
        *number = *number << 4 | (uint32_t)digit;
    }
    return word[0] != '\0';
}

bool line_word_is(const char *word, const char *other)
{
    while (*word != '\0' && *word == *other) {
        word++;
        other++;
    }
    return *word == *other;
}

void answer_text(const char *text)
{
    for (; *text != '\0'; text++) {
        hal_uart_send((uint8_t)*text);
    }
}

void answer_decimal(uint64_t number)
{
    char digits[21];
    uint32_t at = sizeof digits - 1;

    digits[at] = '\0';
    do {
        at--;
        digits[at] = (char)('0' + (int)(number % 10u));
        number /= 10u;
    } while (number > 0);
    answer_text(digits + at);
}

void answer_bytes(const uint8_t *bytes, uint32_t size_bytes)
{
    static const char DIGITS[] = "0123456789abcdef";

    for (uint32_t i = 0; i < size_bytes; i++) {
        hal_uart_send((uint8_t)DIGITS[bytes[i] >> 4]);
        hal_uart_send((uint8_t)DIGITS[bytes[i] & 15u]);
    }
}

void answer_end(void)
{
    answer_text("\r\n");
}
