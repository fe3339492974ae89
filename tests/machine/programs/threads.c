/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A small operating system: threads on process stacks, switched by PendSV and preempted by SysTick, put to sleep by SVC, with
 * a critical section under BASEPRI, an interrupt that preempts the tick, and an idle thread in WFI. On the M4 each thread
 * keeps its own floating-point registers. The UART tells at the end what held.
 */
#include "start.h"

#define NVIC_ISER REGISTER(0xE000E100)
#define NVIC_ISPR REGISTER(0xE000E200)
#define NVIC_PRIORITY(number) (*(volatile uint8_t *)(0xE000E400 + (number)))
#define SHPR2 REGISTER(0xE000ED1C)
#define SHPR3 REGISTER(0xE000ED20)
#define CPACR REGISTER(0xE000ED88)
#define PEND_PENDSV 0x10000000u
#define IRQ_URGENT 5
#define PRIORITY_URGENT 0x40u
#define PRIORITY_MASK 0x80u
#define SVC_PRIORITY 0xA0000000u
#define TICK_THEN_SWITCH 0xC0E00000u /* SysTick before PendSV */
#define TICK_CYCLES 900u
#define RETURN_TO_THREAD 0xFFFFFFFDu
#define THREADS 4
#define IDLE 3
#define ROUNDS 60u
#define FOR_EVER 0xFFFFFFFFu

struct thread {
    uint32_t *stack;
    uint32_t wakes_at; /* tick; 0: it is ready */
};

static struct thread threads[THREADS];
static uint64_t stacks[THREADS][96];
static uint32_t current;
static volatile uint32_t ticks;
static volatile uint32_t urgent;
static volatile uint32_t urgent_inside; /* times that the urgent interrupt came while the tick's handler was active */
static volatile uint32_t in_tick;
static volatile uint32_t switches;
static volatile uint32_t idled;
static volatile uint32_t done;
static volatile uint32_t lost;     /* registers that another thread changed */
static volatile uint32_t breached; /* critical sections that did not hold */

static void on_urgent(void)
{
    urgent++;
    urgent_inside += in_tick;
}

static void on_tick(void)
{
    in_tick = 1;
    ticks++;
    NVIC_ISPR = 1u << IRQ_URGENT;
    __asm volatile("dsb\n isb");
    in_tick = 0;
    SCB_ICSR = PEND_PENDSV;
}

/* Keeps the old thread's stack pointer and returns that of the next one that is awake. */
__attribute__((used)) static uint32_t *next_stack(uint32_t *stack)
{
    threads[current].stack = stack;
    switches++;
    for (uint32_t step = 1; step <= IDLE; step++) {
        uint32_t candidate = (current + step) % IDLE;

        if (threads[candidate].wakes_at <= ticks) {
            threads[candidate].wakes_at = 0;
            current = candidate;
            return threads[current].stack;
        }
    }
    current = IDLE;
    return threads[current].stack;
}

__attribute__((naked)) static void on_pendsv(void)
{
    __asm volatile("mrs r0, psp\n"
#ifdef NRF52840
                   "tst lr, #0x10\n"
                   "it eq\n"
                   "vstmdbeq r0!, {s16-s31}\n"
#endif
                   "stmdb r0!, {r4-r11, lr}\n"
                   "bl next_stack\n"
                   "ldmia r0!, {r4-r11, lr}\n"
#ifdef NRF52840
                   "tst lr, #0x10\n"
                   "it eq\n"
                   "vldmiaeq r0!, {s16-s31}\n"
#endif
                   "msr psp, r0\n"
                   "bx lr\n");
}

/* The caller's r0, in its frame, is how many ticks it sleeps. */
static void on_svcall(void)
{
    const uint32_t *frame;

    __asm volatile("mrs %0, psp" : "=r"(frame));
    threads[current].wakes_at = frame[0] == FOR_EVER ? FOR_EVER : ticks + frame[0];
    SCB_ICSR = PEND_PENDSV;
}

static void sleep_ticks(uint32_t count)
{
    register uint32_t argument __asm("r0") = count;

    __asm volatile("svc 1" : "+r"(argument)::"memory");
}

#ifdef NRF52840
#define ALL(do)                                                                                                            \
    do(0) do(1) do(2) do(3) do(4) do(5) do(6) do(7) do(8) do(9) do(10) do(11) do(12) do(13) do(14) do(15) do(16) do(17)    \
        do(18) do(19) do(20) do(21) do(22) do(23) do(24) do(25) do(26) do(27) do(28) do(29) do(30) do(31)
#define SET(number) __asm volatile("vmov s" #number ", %0" ::"r"(value + number));
#define CHECK(number)                                                                                                      \
    __asm volatile("vmov %0, s" #number : "=r"(seen));                                                                     \
    differs |= seen ^ (value + number);
#else
#define ALL(do)
#define SET(number)
#define CHECK(number)
#endif

/* Fills registers, lets ticks pass, and tells whether another thread left something in them. */
__attribute__((noinline)) static uint32_t keep_registers(uint32_t value)
{
    uint32_t differs = 0;
    uint32_t seen = value;
    uint32_t left = 300;

    ALL(SET)
    __asm volatile("1: subs %0, #1\n bne 1b" : "+r"(left)::"cc");
    ALL(CHECK)
    return differs | (seen & 0);
}

static void calculate(uint32_t value)
{
    for (uint32_t round = 0; round < ROUNDS; round++) {
        lost |= keep_registers(value + 0x100 * round);
    }
    done++;
    sleep_ticks(FOR_EVER);
}

static void thread_a(void)
{
    calculate(0x3F800000);
}

static void thread_b(void)
{
    calculate(0x40490000);
}

static void thread_c(void)
{
    for (uint32_t round = 0; round < 10; round++) {
        uint32_t before;
        uint32_t urgent_before;

        sleep_ticks(3);
        __asm volatile("msr basepri, %0\n isb" ::"r"(PRIORITY_MASK) : "memory");
        before = ticks;
        urgent_before = urgent;
        for (volatile uint32_t left = TICK_CYCLES; left != 0; left--) { /* several ticks: one stays pending */
        }
        NVIC_ISPR = 1u << IRQ_URGENT;
        __asm volatile("dsb\n isb");
        breached |= ticks != before || urgent != urgent_before + 1;
        __asm volatile("msr basepri, %0\n isb" ::"r"(0) : "memory");
        breached |= ticks == before; /* the one that was pending came at once */
    }
    done++;
    sleep_ticks(FOR_EVER);
}

static void thread_idle(void)
{
    while (done < IDLE || idled < 5) {
        uint32_t before = ticks;

        __asm volatile("wfi");
        idled += ticks != before;
    }
    SYST_CSR = 0;
    uart_put(lost == 0 ? 'k' : '!');                    /* every thread kept its registers */
    uart_put(breached == 0 ? 'c' : '!');                /* no tick came into a critical section */
    uart_put(urgent_inside == ticks ? 'n' : '!');       /* each tick was preempted once */
    uart_put(urgent == ticks + 10 ? 'u' : '!');         /* and BASEPRI did not keep it out of the critical sections */
    uart_put(switches >= ticks ? 's' : '!');
    uart_put('.');
    sleep_for_ever();
}

static void make_thread(uint32_t index, void (*code)(void))
{
    uint32_t *stack = (uint32_t *)(stacks[index] + 96);

    *--stack = 0x01000000;
    *--stack = (uint32_t)(uintptr_t)code & ~1u;
    stack -= 6;
    *--stack = RETURN_TO_THREAD;
    stack -= 8;
    threads[index] = (struct thread){stack, 0};
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
    [11] = (uintptr_t)on_svcall,
    [14] = (uintptr_t)on_pendsv,
    [15] = (uintptr_t)on_tick,
    [16 + IRQ_URGENT] = (uintptr_t)on_urgent,
};

void run(void)
{
    uart_open();
    current = IDLE;
    ticks = urgent = urgent_inside = in_tick = switches = idled = done = lost = breached = 0;
    make_thread(0, thread_a);
    make_thread(1, thread_b);
    make_thread(2, thread_c);
#ifdef NRF52840
    CPACR = 0xF00000;
    __asm volatile("dsb\n isb");
#endif
    SHPR2 = SVC_PRIORITY;
    SHPR3 = TICK_THEN_SWITCH;
    NVIC_PRIORITY(IRQ_URGENT) = PRIORITY_URGENT;
    NVIC_ISER = 1u << IRQ_URGENT;
    SYST_RVR = TICK_CYCLES - 1;
    SYST_CVR = 0;
    SYST_CSR = 7;
    __asm volatile("msr psp, %0\n msr control, %1\n isb\n bx %2" ::"r"(stacks[IDLE] + 96), "r"(2), "r"(thread_idle));
}
