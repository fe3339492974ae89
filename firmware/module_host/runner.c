/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "runner.h"

#include <stddef.h>
#include <string.h>

enum { THUMB = 1 };

__attribute__((aligned(MODULE_ALIGN_BYTES))) uint8_t module_memory[MODULE_MEMORY_BYTES];

static module_entry *entry;

/* What was stored is code now: the core must not have fetched, or still be storing, any of it. */
static void fetch_again(void)
{
    __asm__ volatile("dsb\n\tisb" ::: "memory");
}

void runner_load(const struct module *module)
{
    module_place(module, module_memory, (uint32_t)(uintptr_t)module_memory);
    entry = (module_entry *)((uintptr_t)module_memory + module->entry + THUMB);
    fetch_again();
}

bool runner_run(const struct module_host *host, int32_t *result)
{
    if (entry == NULL) {
        return false;
    }
    *result = entry(host);
    return true;
}

void runner_unload(void)
{
    entry = NULL;
    memset(module_memory, 0, sizeof module_memory);
    fetch_again();
}
