/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Takes SVCall, PendSV and SysTick, nested and from both stacks; the UART tells the order. */
#include "start.h"

static void on_svcall(void);
static void on_pendsv(void);
static void on_systick(void);

VECTORS(on_svcall, on_pendsv, on_systick)

#define SHPR3 REGISTER(0xE000ED20)
#define PEND_PENDSV 0x10000000u

static volatile uint32_t ticks;

static void systick_start(uint32_t cycles)
{
    SYST_RVR = cycles - 1;
    SYST_CVR = 0;
    SYST_CSR = 7;
}

static void on_systick(void)
{
    ticks++;
    uart_put('t');
}

static void on_svcall(void)
{
    uart_put('s');
    SCB_ICSR = PEND_PENDSV; /* of lower urgency: runs after this handler */
    uart_put('S');
}

static void on_pendsv(void)
{
    uint32_t seen = ticks;

    uart_put('p');
    if (SYST_CSR & 1u) {
        while (ticks == seen) { /* SysTick preempts this handler */
        }
    }
    uart_put('P');
}

__attribute__((noinline)) static uint32_t sum_with_ticks(void)
{
    uint32_t sum = 0;

    for (uint32_t value = 1; value <= 5000; value++) {
        sum += value ^ (sum << 1); /* flags and registers are live throughout */
        __asm volatile("" : "+r"(sum));
    }
    return sum;
}

static void use_process_stack(void)
{
    static uint64_t stack[64];

    __asm volatile("msr psp, %0\n msr control, %1\n isb\n svc 0\n msr control, %2\n isb" ::"r"(stack + 64), "r"(2), "r"(0)
                   : "memory");
}

void run(void)
{
    uint32_t sum;
    uint32_t quiet;

    ticks = 0;
    uart_open();
    SHPR3 = 0x40F00000; /* SysTick before PendSV */
    uart_put('a');
    __asm volatile("svc 0");
    uart_put('b');
    use_process_stack();
    uart_put('c');
    systick_start(20000);
    __asm volatile("wfi");
    __asm volatile("svc 0"); /* PendSV is preempted */
    uart_put('d');
    quiet = ticks;
    __asm volatile("cpsid i");
    while ((SYST_CSR & 0x10000u) == 0) {
    }
    uart_put(ticks == quiet ? 'm' : '!'); /* masked */
    __asm volatile("cpsie i");
    SYST_CSR = 0;
    uart_put('e');
    quiet = sum_with_ticks();
    systick_start(700);
    sum = sum_with_ticks();
    SYST_CSR = 0;
    uart_put(sum == quiet && ticks > 4 ? '=' : '!');
}
