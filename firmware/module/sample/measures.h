/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What temperatures can come to, by name. */
#ifndef SAMPLE_MEASURES_H
#define SAMPLE_MEASURES_H

#include <stdint.h>

enum { READINGS = 7 };

struct measure {
    const char *name;
    int32_t (*of)(const int32_t values[READINGS]);
};

/* The last one has no name. */
extern const struct measure MEASURES[];

#endif
