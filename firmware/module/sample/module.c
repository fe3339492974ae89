/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The sample module: what the last readings of a thermistor come to. From version 2 on it also takes their median, so that one
 * reading that is far off does not count.
 */
#include "host.h"
#include "measures.h"
#include "thermistor.h"

static uint8_t readings[READINGS] = {128, 130, 129, 127, 20, 128, 126};
static int32_t values[READINGS];
static uint8_t runs;

int32_t module_start(const struct module_host *host);

int32_t module_start(const struct module_host *host)
{
    int32_t result = 0;

    runs++;
    readings[0] = (uint8_t)(readings[0] + runs); /* each loading begins with the variables as they were compiled */
    for (uint32_t i = 0; i < READINGS; i++) {
        values[i] = thermistor_tenths(readings[i]);
    }
    host->say("module ");
    host->say_number(MODULE_VERSION);
    host->say(":");
    for (const struct measure *measure = MEASURES; measure->name != 0; measure++) {
        result = measure->of(values);
        host->say(" ");
        host->say(measure->name);
        host->say(" ");
        host->say_number(result);
    }
    host->say("\r\n");
    return result;
}
