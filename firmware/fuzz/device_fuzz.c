/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Where a check of the fake device fails under a fuzzer: a crash, with the place. */
#include <stdio.h>
#include <stdlib.h>

#include "device.h"
#include "unit.h"

void unit_fail(const char *file, int line, const char *what, long long expected, long long seen)
{
    (void)fprintf(stderr, "%s:%d: %s is %lld, expected %lld\n%s", file, line, what, seen, expected, device_story());
    abort();
}
