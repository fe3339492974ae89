/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Installing: the staged image is copied from the slot to the application region, page by page.
 *
 * 1. The slot is verified in this boot before anything is written, in every boot that writes a page.
 * 2. `started` is in the journal before the first page is erased; `copied n` only after pages 0..n-1 were compared.
 *
 *        cut during                 application region             journal    the next boot
 *        `started`                  old                            pending    verifies, starts
 *        erase or program, page n   new 0..n-1, n undefined, old   copied n   verifies, erases page n, goes on
 *        `copied n+1`               new 0..n, old                  copied n   copies page n once more
 *
 * 3. Only pages that the journal does not count as copied are erased, each once in a boot.
 * 4. The slot is never written, so an interrupted copy can always be done again.
 */
#ifndef BOOT_INSTALL_H
#define BOOT_INSTALL_H

#include <stdint.h>

#include "journal.h"
#include "result.h"

/*
 * Do what the journal asks for.
 *
 * RESULT_OK: nothing was pending, or every page is copied. A positive result refused the staged image; nothing was
 * written. A negative one is a failure of the flash.
 */
enum result install_run(struct journal *journal, uint64_t counter);

#endif
