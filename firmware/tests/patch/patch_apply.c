/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * `patch_apply BASE PAYLOAD PAGE_BYTES REGION_BYTES OUTPUT`: the reader of patches as a program for the host. The region is RAM here; each page is built beside
 * it and then put in its place, as a bootloader does. Exit status: 0, or the result that refused the patch.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "patch.h"

enum { REGION_BYTES_MAX = 1 << 20, PAGE_BYTES_MAX = 4096, FAILED = 100, UNKNOWN = 0xA5 };

static uint8_t region[REGION_BYTES_MAX];
static uint8_t page[PAGE_BYTES_MAX];

static long read_file(const char *name, uint8_t *data, size_t size)
{
    FILE *file = fopen(name, "rb");
    long count;

    if (file == NULL) {
        exit(FAILED);
    }
    count = (long)fread(data, 1, size, file);
    (void)fclose(file);
    return count;
}

struct build {
    struct patch patch;
    uint32_t page;
    uint32_t filled;
};

static void build_grows(struct build *build, const uint8_t *data, uint32_t length)
{
    const uint32_t page_bytes = build->patch.limits.page_bytes;

    memcpy(page + build->filled, data, length);
    build->filled += length;
    if (build->filled == patch_page_bytes(&build->patch, build->page)) {
        memset(page + build->filled, 0xFF, page_bytes - build->filled);
        memcpy(region + build->page * page_bytes, page, page_bytes);
    }
}

static void apply_events(struct build *build)
{
    struct patch_event event;

    do {
        if (patch_take(&build->patch, &event) != RESULT_OK) {
            return;
        }
        if (event.news == PATCH_PAGE) {
            build->page = event.page;
            build->filled = 0;
        } else if (event.news == PATCH_COPY) {
            build_grows(build, region + event.source, event.length);
        } else if (event.news == PATCH_BYTE) {
            build_grows(build, &event.byte, 1);
        }
    } while (event.news != PATCH_MORE);
}

int main(int count, char **arguments)
{
    static uint8_t payload[REGION_BYTES_MAX];
    static struct build build;
    FILE *output;
    long payload_bytes;

    if (count != 6) {
        return FAILED;
    }
    const struct patch_limits limits = {(uint32_t)strtoul(arguments[4], NULL, 0), (uint32_t)strtoul(arguments[3], NULL, 0)};
    if (limits.page_bytes > PAGE_BYTES_MAX || limits.region_bytes > REGION_BYTES_MAX) {
        return FAILED;
    }
    memset(region, UNKNOWN, sizeof region); /* what follows the base is whatever production left there */
    (void)read_file(arguments[1], region, limits.region_bytes);
    payload_bytes = read_file(arguments[2], payload, sizeof payload);
    patch_start(&build.patch, limits);
    for (long i = 0; i < payload_bytes && build.patch.result == RESULT_OK; i++) {
        if (patch_feed(&build.patch, payload[i]) == RESULT_OK) {
            apply_events(&build);
        }
    }
    if (!patch_is_complete(&build.patch)) {
        return RESULT_PATCH;
    }
    output = fopen(arguments[5], "wb");
    if (output == NULL || fwrite(region, 1, build.patch.header.target_bytes, output) != build.patch.header.target_bytes) {
        return FAILED;
    }
    return fclose(output) == 0 ? 0 : FAILED;
}
