/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The fake device under a fuzzer: it is loaded once, and a check that fails is a crash, with the place. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"
#include "unit.h"

void unit_fail(const char *file, int line, const char *what, long long expected, long long seen)
{
    (void)fprintf(stderr, "%s:%d: %s is %lld, expected %lld\n%s", file, line, what, seen, expected, device_story());
    abort();
}

void fuzz_load_device(void)
{
    static bool loaded;

    if (!loaded) {
        const char *folder = getenv("FUZZ_IMAGES");

        CHECK(folder != NULL);
        device_load(folder);
        loaded = true;
    }
}
