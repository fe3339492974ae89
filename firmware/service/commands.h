/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The commands of the service console, by group.
 *
 * 1. A command gets its words, the first is its name, and answers on one line. False: the words make no sense.
 * 2. Memory is read inside the application region only: the console tells nothing of the bootloader, nor of the log.
 */
#ifndef SERVICE_COMMANDS_H
#define SERVICE_COMMANDS_H

#include <stdbool.h>
#include <stdint.h>

#include "line.h"

struct command {
    const char *name;
    uint32_t words; /* the name too */
    bool (*run)(char *const *words);
    const char *help;
};

extern const struct command DIGEST_COMMANDS[];
extern const uint32_t DIGEST_COMMAND_COUNT;
extern const struct command CIPHER_COMMANDS[];
extern const uint32_t CIPHER_COMMAND_COUNT;
extern const struct command CURVE_COMMANDS[];
extern const uint32_t CURVE_COMMAND_COUNT;

/* A part of the application region. */
struct range {
    const uint8_t *bytes;
    uint32_t size_bytes;
};

/* The range that two words name, offset and size; false where it leaves the region. */
bool range_of(char *const *words, struct range *range);

#endif
