/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "recovery.h"

#include "console.h"
#include "hal.h"

_Noreturn void recovery_wait(const struct boot_end *end)
{
    for (;;) {
        console_text("recovery: ");
        console_problem(end->obstacle == BOOT_COUNTER ? "counter" : "application", end->result);
        (void)hal_uart_receive();
    }
}
