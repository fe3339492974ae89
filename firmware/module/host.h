/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What a module and the application that loads it know of each other (SPEC, "Module"). Both include this file.
 *
 * 1. The entry is called once after each loading, as a function, in thread mode, with interrupts as they are. It returns.
 * 2. Everything that the module may use is in `struct module_host`; nothing of it is kept beyond the return.
 * 3. When the entry has returned the module's memory may be cleared at any time.
 * 4. Another order or meaning of the members is another MODULE_ABI.
 */
#ifndef MODULE_HOST_H
#define MODULE_HOST_H

#include <stdint.h>

enum { MODULE_ABI = 1 };

struct module_host {
    uint64_t application_version;
    uint32_t hardware_revision;
    void (*say)(const char *text); /* on the UART */
    void (*say_number)(int32_t number);
};

typedef int32_t module_entry(const struct module_host *host);

#endif
