/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What readings can come to, by name. */
#ifndef SAMPLE_MEASURES_H
#define SAMPLE_MEASURES_H

#include <stdint.h>

enum { READINGS = 7 };

struct measure {
    const char *name;
    uint32_t (*of)(const uint32_t readings[READINGS]);
};

/* The last one has no name. */
extern const struct measure MEASURES[];

#endif
