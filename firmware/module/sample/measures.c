/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "measures.h"

static uint32_t mean(const uint32_t readings[READINGS])
{
    uint32_t sum = 0;

    for (uint32_t i = 0; i < READINGS; i++) {
        sum += readings[i];
    }
    return sum / READINGS;
}

static uint32_t greatest(const uint32_t readings[READINGS])
{
    uint32_t most = 0;

    for (uint32_t i = 0; i < READINGS; i++) {
        most = readings[i] > most ? readings[i] : most;
    }
    return most;
}

#if MODULE_VERSION >= 2
static uint32_t sorted[READINGS];

static uint32_t median(const uint32_t readings[READINGS])
{
    for (uint32_t i = 0; i < READINGS; i++) {
        uint32_t at = i;

        while (at > 0 && sorted[at - 1] > readings[i]) {
            sorted[at] = sorted[at - 1];
            at--;
        }
        sorted[at] = readings[i];
    }
    return sorted[READINGS / 2];
}
#endif

/* Pointers to names and functions: the loader makes them those of the place that the module lies at. */
const struct measure MEASURES[] = {
    {"mean", mean},
    {"greatest", greatest},
#if MODULE_VERSION >= 2
    {"median", median},
#endif
    {0, 0},
};
