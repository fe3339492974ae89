/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "measures.h"

static int32_t mean(const int32_t values[READINGS])
{
    int32_t sum = 0;

    for (uint32_t i = 0; i < READINGS; i++) {
        sum += values[i];
    }
    return sum / READINGS;
}

static int32_t greatest(const int32_t values[READINGS])
{
    int32_t most = values[0];

    for (uint32_t i = 1; i < READINGS; i++) {
        most = values[i] > most ? values[i] : most;
    }
    return most;
}

#if MODULE_VERSION >= 2
static int32_t sorted[READINGS];

static int32_t median(const int32_t values[READINGS])
{
    for (uint32_t i = 0; i < READINGS; i++) {
        uint32_t at = i;

        while (at > 0 && sorted[at - 1] > values[i]) {
            sorted[at] = sorted[at - 1];
            at--;
        }
        sorted[at] = values[i];
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
