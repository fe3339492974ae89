/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The application of profile speck-module: runs the installed module; installs a staged one and runs that; then sleeps. */
#include "console.h"
#include "hal.h"
#include "identity.h"
#include "image.h"
#include "runner.h"
#include "store.h"

static void say_digits(uint64_t number)
{
    char digits[21];
    uint32_t at = sizeof digits - 1;

    digits[at] = '\0';
    do {
        at--;
        digits[at] = (char)('0' + (int)(number % 10u));
        number /= 10u;
    } while (number > 0);
    console_text(digits + at);
}

static void say_number(int32_t number)
{
    if (number < 0) {
        console_text("-");
    }
    say_digits(number < 0 ? (uint64_t)-(int64_t)number : (uint64_t)number);
}

/* Load, run and unload the installed module, or say why there is none. */
static void run_installed(struct store *store)
{
    const struct module_host host = {APPLICATION_VERSION, identity_hardware_revision(), console_text, say_number};
    struct module module;
    int32_t answer = 0;
    const enum result result = store_find(store, &module);

    console_problem("module", result);
    if (result != RESULT_OK) {
        return;
    }
    runner_load(&module);
    if (runner_run(&host, &answer)) {
        console_text("module returned ");
        say_number(answer);
        console_text("\r\n");
    }
    runner_unload();
}

int main(void)
{
    struct store store;

    hal_start();
    console_text("application ");
    say_digits(APPLICATION_VERSION);
    console_text(" ready\r\n");
    identity_trust_signer(hal_flash_view(IMAGE_ADDRESS - IMAGE_HEADER_BYTES + IMAGE_AT_KEY, SIGNATURE_KEY_BYTES));
    store = store_open((struct module_limits){MODULE_MEMORY_BYTES, APPLICATION_VERSION});
    run_installed(&store);
    if (store_is_pending(&store)) {
        const enum result result = store_install(&store);

        console_problem("staged module", result);
        if (result == RESULT_OK) {
            run_installed(&store);
        }
    }
    hal_sleep();
}
