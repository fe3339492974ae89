/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Sets the MPU up as the words at 0x4000 of the flash say, and probes. For each probe it sends 0, or the number of the exception
 * that came, CFSR and MMFAR.
 */
#include "start.h"

#define SHCSR REGISTER(0xE000ED24)
#define CFSR REGISTER(0xE000ED28)
#define MMFAR REGISTER(0xE000ED34)
#define MPU_CTRL REGISTER(0xE000ED94)
#define MPU_RNR REGISTER(0xE000ED98)
#define MPU_RBAR REGISTER(0xE000ED9C)
#define MPU_RASR REGISTER(0xE000EDA0)
#define RETURN_AT_ONCE 0x4770u

enum probe {
    END = 0,
    LOAD = 1,
    STORE = 2,
    CALL = 3,
    LOAD_IN_HANDLER = 4, /* of SVC: privileged */
    UNPRIVILEGED = 5,    /* from here on */
    REGION_OFF = 6,      /* number; privileged only */
    PUT_CODE = 7,        /* a function that returns */
};

static volatile uint32_t exception;
static volatile uint32_t status;
static volatile uint32_t address;
static volatile uint32_t handler_address;

__attribute__((used)) static void handle(uint32_t *frame, uint32_t number)
{
    exception = number;
    status = CFSR;
    address = MMFAR;
    CFSR = status;
    /* A fetch goes back to its caller; loads and stores are narrow instructions. */
    frame[6] = (status & 1u) != 0 ? frame[5] & ~1u : frame[6] + 2;
}

__attribute__((naked)) static void on_fault(void)
{
    __asm volatile("tst lr, #4\n ite eq\n mrseq r0, msp\n mrsne r0, psp\n mrs r1, ipsr\n push {r4, lr}\n bl handle\n pop {r4, pc}");
}

static void on_svc(void)
{
    __asm volatile("ldr r1, [%0]" ::"l"(handler_address) : "r1", "memory");
}

static void put_word(uint32_t value)
{
    for (int index = 0; index < 4; index++) {
        uart_put((uint8_t)(value >> (8 * index)));
    }
}

static void probe(uint32_t kind, uint32_t target)
{
    exception = 0;
    switch (kind) {
    case LOAD:
        __asm volatile("ldr r1, [%0]" ::"l"(target) : "r1", "memory");
        break;
    case STORE:
        __asm volatile("str %0, [%0]" ::"l"(target) : "memory");
        break;
    case CALL:
        __asm volatile("blx %0" ::"l"(target) : "r0", "r1", "r2", "r3", "lr", "memory");
        break;
    case LOAD_IN_HANDLER:
        handler_address = target;
        __asm volatile("svc 0");
        break;
    case UNPRIVILEGED:
        __asm volatile("msr control, %0\n isb" ::"r"(1));
        break;
    case REGION_OFF:
        MPU_RNR = target;
        MPU_RASR = 0;
        __asm volatile("dsb\n isb");
        break;
    case PUT_CODE:
        *(volatile uint16_t *)target = RETURN_AT_ONCE;
        break;
    default:
        break;
    }
    uart_put((uint8_t)exception);
    if (exception != 0) {
        put_word(status);
        put_word(address);
    }
}

void run(void)
{
    const volatile uint32_t *words = (const volatile uint32_t *)(FLASH_START + 0x4000u);
    uint32_t control = *words++;
    uint32_t regions = *words++;

    uart_open();
    SHCSR = 1u << 16;
    for (uint32_t region = 0; region < regions; region++) {
        MPU_RBAR = words[0] | 0x10u | region;
        MPU_RASR = words[1];
        words += 2;
    }
    MPU_CTRL = control;
    __asm volatile("dsb\n isb");
    for (; words[0] != END; words += 2) {
        probe(words[0], words[1]);
    }
}

void start(void)
{
    run();
    sleep_for_ever();
}

__attribute__((section(".vectors"), used)) static const uintptr_t vectors[16] = {
    STACK_TOP, (uintptr_t)start, 0, (uintptr_t)on_fault, (uintptr_t)on_fault, (uintptr_t)on_fault, (uintptr_t)on_fault,
    [11] = (uintptr_t)on_svc,
};
