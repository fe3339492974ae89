/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* From a reading of a thermistor, ratiometric in 8 bits, to its temperature. */
#ifndef SAMPLE_THERMISTOR_H
#define SAMPLE_THERMISTOR_H

#include <stdint.h>

/* The temperature in tenths of a degree Celsius. */
int32_t thermistor_tenths(uint8_t reading);

#endif
