/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Rebuilding: the patch in the slot turns the application into the next one, in place, page by page (SPEC, "Rebuilding in place").
 *
 * 1. The patch is verified in every boot that writes: header, signature, version, base, and that its steps can be read to the end.
 *    The log names the patch that was begun; another one, however well signed, does not go on with its work.
 * 2. A step's page is built in a page of the pool, from the application as it stands; then the log says so; then the page of the
 *    application is erased and gets the content; then the log says so. What a step reads stays until its page is complete.
 *
 *        cut during                           application           pool         log          the next boot
 *        `started`                            old                   old          pending      verifies, starts
 *        building page p of the pool          pages of steps < k    p undefined  steps k      builds it again
 *        `built`                              the same              p whole      steps k      builds it again
 *        erase or program of the page         that page undefined   p whole      built k, p   copies it from p again
 *        `steps`                              pages of steps <= k   p whole      built k, p   copies it from p again
 *
 * 3. All steps done, the whole must have the digest that the patch names; only then the log says `complete`, and from then on the
 *    patch is not needed any more.
 * 4. Once a step is done the application is neither old nor new. If the patch does not verify any more, or the digest is another,
 *    nothing runs; nothing is written either, so the patch put back finishes the update.
 */
#ifndef DELTA_REBUILD_H
#define DELTA_REBUILD_H

#include "log.h"
#include "result.h"

/*
 * Do what the log asks for.
 *
 * RESULT_OK: nothing was pending, or every page is rebuilt. A positive result refused the patch; nothing but the log was
 * written in this boot, unless it is RESULT_TARGET. A negative one is a failure of the flash.
 */
enum result rebuild_run(struct log *log);

#endif
