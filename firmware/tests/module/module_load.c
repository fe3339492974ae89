/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * `module_load PAYLOAD ENTRY MEMORY_BYTES HOST_VERSION ADDRESS OUTPUT`: the loader of modules as a program for the host. Payload and memory
 * are as large as they are said to be, to the byte, so that the sanitizers see whatever leaves them. Exit status: 0, or the result.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "module.h"

enum { PAYLOAD_BYTES_MAX = 1 << 20, FAILED = 100, UNTOUCHED = 0xA5 };

static uint32_t number(const char *text)
{
    return (uint32_t)strtoul(text, NULL, 0);
}

static uint8_t *read_file(const char *name, uint32_t *size_bytes)
{
    static uint8_t content[PAYLOAD_BYTES_MAX];
    FILE *file = fopen(name, "rb");
    uint8_t *exact;

    if (file == NULL) {
        exit(FAILED);
    }
    *size_bytes = (uint32_t)fread(content, 1, sizeof content, file);
    (void)fclose(file);
    exact = malloc(*size_bytes + (*size_bytes == 0));
    if (exact == NULL) {
        exit(FAILED);
    }
    memcpy(exact, content, *size_bytes);
    return exact;
}

static void write_file(const char *name, const uint8_t *data, uint32_t size_bytes)
{
    FILE *file = fopen(name, "wb");

    if (file == NULL || fwrite(data, 1, size_bytes, file) != size_bytes || fclose(file) != 0) {
        exit(FAILED);
    }
}

int main(int count, char **arguments)
{
    struct module module;
    uint32_t payload_bytes;

    if (count != 7) {
        return FAILED;
    }
    const struct module_limits limits = {number(arguments[3]), strtoull(arguments[4], NULL, 0)};
    uint8_t *payload = read_file(arguments[1], &payload_bytes);
    uint8_t *memory = malloc(limits.memory_bytes + 1);
    const enum result result = module_read(&module, payload, payload_bytes, number(arguments[2]), limits);

    if (memory == NULL) {
        return FAILED;
    }
    if (result == RESULT_OK) {
        memset(memory, UNTOUCHED, limits.memory_bytes);
        module_place(&module, memory, number(arguments[5]));
        write_file(arguments[6], memory, limits.memory_bytes);
    }
    free(payload);
    free(memory);
    return (int)result;
}
