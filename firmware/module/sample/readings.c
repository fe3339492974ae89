/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The sample module: what a sensor's last readings come to. From version 2 on it also takes their median, so that one reading that
 * is far off does not count.
 */
#include "host.h"
#include "measures.h"

static uint32_t readings[READINGS] = {17, 19, 18, 17, 93, 18, 15};
static uint32_t runs;

int32_t module_start(const struct module_host *host);

int32_t module_start(const struct module_host *host)
{
    uint32_t result = 0;

    runs++;
    readings[READINGS - 1] += runs; /* each loading begins with the variables as they were compiled */
    host->say("module ");
    host->say_number(MODULE_VERSION);
    host->say(":");
    for (const struct measure *measure = MEASURES; measure->name != 0; measure++) {
        result = measure->of(readings);
        host->say(" ");
        host->say(measure->name);
        host->say(" ");
        host->say_number(result);
    }
    host->say("\r\n");
    return (int32_t)result;
}
