/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * One module at a time, in RAM that nothing else uses.
 *
 * 1. Only a module that was verified in this boot, content included, is loaded: there is no other way to get a struct module.
 * 2. What runs is the copy, so nothing that changes in flash later changes what runs.
 * 3. Once it is unloaded its memory is zero and it cannot be run: it has to be verified and loaded again.
 */
#ifndef MODULE_HOST_RUNNER_H
#define MODULE_HOST_RUNNER_H

#include <stdbool.h>
#include <stdint.h>

#include "host.h"
#include "module.h"

/* The RAM for modules. The build says how much, and reports read where it lies from this name. */
extern uint8_t module_memory[MODULE_MEMORY_BYTES];

void runner_load(const struct module *module);

/* Call the loaded module's entry. False: none is loaded. */
bool runner_run(const struct module_host *host, int32_t *result);

void runner_unload(void);

#endif
