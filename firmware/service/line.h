/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A command line: words that are separated by blanks; and answers.
 *
 * 1. A line that is longer than its buffer is refused as a whole, when it ends.
 * 2. Bytes are written as hexadecimal digits, two each, in words and in answers; numbers of words are hexadecimal too.
 */
#ifndef SERVICE_LINE_H
#define SERVICE_LINE_H

#include <stdbool.h>
#include <stdint.h>

enum { LINE_BYTES_MAX = 768, LINE_WORDS_MAX = 6 };

struct line {
    char text[LINE_BYTES_MAX];
    char *words[LINE_WORDS_MAX]; /* inside `text`, each with a 0 behind it */
    uint32_t count;
};

/* Wait for a line. False: it is too long, or has too many words. */
bool line_read(struct line *line);

/* The bytes of a word. Returns how many; -1 where it is no even number of digits, or more than `size_bytes` bytes. */
int32_t line_bytes(const char *word, uint8_t *bytes, uint32_t size_bytes);

/* The number that a word says. False: it is none, or does not fit. */
bool line_number(const char *word, uint32_t *number);

bool line_word_is(const char *word, const char *other);

void answer_text(const char *text);

void answer_decimal(uint64_t number);

void answer_bytes(const uint8_t *bytes, uint32_t size_bytes);

void answer_end(void);

#endif
