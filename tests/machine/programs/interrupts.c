/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Interrupts of the nRF52840, by software and by RTC: order, nesting, masks, sleep, and the floating-point context. */
#include "start.h"

#define NVIC_ISER REGISTER(0xE000E100)
#define NVIC_ICER REGISTER(0xE000E180)
#define NVIC_ISPR REGISTER(0xE000E200)
#define NVIC_ICPR REGISTER(0xE000E280)
#define NVIC_IABR REGISTER(0xE000E300)
#define NVIC_PRIORITY(number) (*(volatile uint8_t *)(0xE000E400 + (number)))
#define SCB_SCR REGISTER(0xE000ED10)
#define CPACR REGISTER(0xE000ED88)
#define CLOCK_LFCLKSTART REGISTER(0x40000008)
#define CLOCK_LFCLKSTARTED REGISTER(0x40000104)
#define CLOCK_INTENSET REGISTER(0x40000304)
#define RTC1_START REGISTER(0x40011000)
#define RTC1_COMPARE0 REGISTER(0x40011140)
#define RTC1_INTENSET REGISTER(0x40011304)
#define RTC1_COUNTER REGISTER(0x40011504)
#define RTC1_CC0 REGISTER(0x40011540)
#define IRQ_CLOCK 0
#define IRQ_RTC1 17
#define IRQ_LOW 20 /* SWI0 */
#define IRQ_HIGH 21
#define IRQ_SAME 22

static void on_clock(void)
{
    CLOCK_LFCLKSTARTED = 0;
    uart_put('k');
}

static void on_rtc(void)
{
    RTC1_COMPARE0 = 0;
    (void)RTC1_COMPARE0;
    uart_put('r');
}

static void on_high(void)
{
    uart_put('h');
}

static void on_same(void)
{
    uart_put('x');
}

static void on_low(void)
{
    float dirty = 1.5f;

    uart_put('l');
    NVIC_ISPR = 1u << IRQ_HIGH | 1u << IRQ_SAME; /* one preempts here, one waits */
    __asm volatile("dsb\n isb");
    __asm volatile("vmov s0, %0\n vmov s15, %0\n vmov s16, %0" ::"r"(dirty) : "s0", "s15", "s16");
    uart_put(NVIC_IABR == 1u << IRQ_LOW ? 'L' : '!');
}

void run(void);

void start(void)
{
    run();
    sleep_for_ever();
}

__attribute__((section(".vectors"), used)) static const uintptr_t vectors[64] = {
    [0] = STACK_TOP,
    [1] = (uintptr_t)start,
    [16 + IRQ_CLOCK] = (uintptr_t)on_clock,
    [16 + IRQ_RTC1] = (uintptr_t)on_rtc,
    [16 + IRQ_LOW] = (uintptr_t)on_low,
    [16 + IRQ_HIGH] = (uintptr_t)on_high,
    [16 + IRQ_SAME] = (uintptr_t)on_same,
};

static void trigger(int number)
{
    NVIC_ISPR = 1u << number;
    __asm volatile("dsb\n isb\n nop");
}

static void order_and_nesting(void)
{
    NVIC_PRIORITY(IRQ_LOW) = 0xC0;
    NVIC_PRIORITY(IRQ_SAME) = 0xDF; /* three bits: the same as 0xC0 */
    NVIC_PRIORITY(IRQ_HIGH) = 0x40;
    NVIC_ISER = 1u << IRQ_LOW | 1u << IRQ_HIGH | 1u << IRQ_SAME;
    trigger(IRQ_LOW);
    uart_put('1');
}

static void masks(void)
{
    __asm volatile("msr basepri, %0" ::"r"(0x80));
    trigger(IRQ_SAME); /* below the mask */
    trigger(IRQ_HIGH);
    uart_put('2');
    __asm volatile("cpsid i");
    trigger(IRQ_HIGH);
    uart_put('3');
    __asm volatile("cpsie i\n nop");
    uart_put('4');
    NVIC_ICPR = 1u << IRQ_SAME;
    __asm volatile("msr basepri, %0" ::"r"(0));
    NVIC_ICER = 1u << IRQ_SAME;
    trigger(IRQ_SAME); /* not enabled */
    uart_put('5');
}

static void float_context(void)
{
    float a = 0.1f, b = 0.2f, c = 0.3f;

    CPACR = 0xF00000;
    __asm volatile("dsb\n isb");
    __asm volatile("vmov s0, %0\n vmov s15, %1\n vmov s16, %2" ::"r"(a), "r"(b), "r"(c) : "s0", "s15", "s16");
    trigger(IRQ_LOW);
    __asm volatile("vmov %0, s0\n vmov %1, s15\n vmov %2, s16" : "=r"(a), "=r"(b), "=r"(c));
    /* s0 to s15 are stacked by the core; s16 is the handler's to keep */
    uart_put(a == 0.1f && b == 0.2f && c == 0.3f ? 'F' : '!');
}

static void sleep_until_rtc(void)
{
    NVIC_ISER = 1u << IRQ_CLOCK | 1u << IRQ_RTC1;
    CLOCK_INTENSET = 2;
    CLOCK_LFCLKSTART = 1;
    __asm volatile("wfi");
    RTC1_CC0 = 100;
    RTC1_INTENSET = 0x10000;
    RTC1_START = 1;
    __asm volatile("sev\n wfe"); /* clears the event register */
    __asm volatile("wfe");       /* sleeps to the compare */
    uart_put(RTC1_COUNTER == 100 ? 'w' : '!');
    /* Masked, not enabled, and with SEVONPEND: becoming pending wakes WFE and nothing is taken. */
    NVIC_ICER = 1u << IRQ_RTC1;
    RTC1_CC0 = 200;
    SCB_SCR = 0x10;
    __asm volatile("sev\n wfe\n wfe");
    uart_put(RTC1_COUNTER == 200 ? 'e' : '!');
    SCB_SCR = 0;
}

void run(void)
{
    uart_open();
    order_and_nesting();
    masks();
    float_context();
    sleep_until_rtc();
}
