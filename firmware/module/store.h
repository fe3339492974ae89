/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Where modules are kept: two banks of flash, and a log of their own (SPEC, "Module store").
 *
 * 1. The installed module is the one in a bank that verifies and has the version that the log's counter names. There is one at most:
 *    a version is written to a bank only if it is above the counter.
 * 2. A staged module is verified in the slot, content included, before anything is written. Then it is copied to the bank that does
 *    not hold the installed one, page by page, each compared; then the log says that this bank is complete; then the counter is
 *    raised to its version, and the log is idle again.
 *
 *        cut during                 bank A       bank B       log        counter    the next boot
 *        the copy                   installed    undefined    pending    A          copies again, from the first page
 *        `complete`                 installed    whole [1]    pending    A          copies again
 *        the counter                installed    whole        complete   A, or B    raises the counter
 *        `idle`                     old          installed    complete   B          writes `idle`
 *
 *        [1] it verifies, and may yet have cells half way: only one boot that wrote all of it may rely on it
 *
 * 3. The log is settled before a bank is erased and before a module is named as installed.
 * 4. Nothing is written outside of the banks and the log.
 */
#ifndef MODULE_STORE_H
#define MODULE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "log.h"
#include "module.h"
#include "result.h"

struct store {
    struct log log;
    struct module_limits limits;
};

/* Read the store's log. */
struct store store_open(struct module_limits limits);

/* Name the installed module: RESULT_OK, the reason for which there is none, or a failure of the flash. An installation that is complete is
 * finished first. */
enum result store_find(struct store *store, struct module *module);

/* Whether a module is staged in the slot. */
bool store_is_pending(const struct store *store);

/* Say that the slot holds a module: store_install is to judge it, in this boot or in a later one. */
enum result store_mark_pending(struct store *store);

/* Install the staged module. A positive result refused it: then the log says so, and nothing else was written. */
enum result store_install(struct store *store);

#endif
