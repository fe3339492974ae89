/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Loops that wait for UART input, or only seem to; the byte at 0x08004000 chooses. */
#include "start.h"

VECTORS(unexpected, unexpected, unexpected)

#define CHOICE (*(volatile uint8_t *)0x08004000)
#define RXNE 0x20u
#define GPIOC_BSRR REGISTER(0x40011010)

static volatile uint32_t counter;

static int received(void)
{
    return (USART_SR & RXNE) != 0;
}

static void count_in_register(void)
{
    for (uint32_t left = 20000; left != 0 && !received(); left--) {
    }
}

static void count_in_ram(void)
{
    for (counter = 20000; counter != 0 && !received(); counter--) {
    }
}

static void count_with_timer(void)
{
    SYST_RVR = 0xFFFFFF;
    SYST_CVR = 0;
    SYST_CSR = 5;
    while (!received() && (SYST_CVR == 0 || SYST_CVR > 0xFF0000)) {
    }
}

static void count_modulo_eight(void)
{
    for (counter = 0; !received(); counter = (counter + 1) % 8) {
    }
}

static void poll(int feed)
{
    while (!received()) {
        if (feed) {
            IWDG_KR = 0xAAAA;
        }
    }
}

static void blink(void)
{
    while (!received()) {
        GPIOC_BSRR = 1u << 13;
    }
}

static void echo(void)
{
    uint8_t byte;

    do {
        poll(0);
        byte = (uint8_t)USART_DR;
        uart_put(byte);
    } while (byte != '.');
}

void run(void)
{
    uart_open();
    switch (CHOICE) {
    case 0:
        poll(0);
        break;
    case 1:
        IWDG_KR = 0xCCCC;
        poll(1);
        break;
    case 2:
        count_modulo_eight();
        break;
    case 3:
        count_in_register();
        break;
    case 4:
        count_in_ram();
        break;
    case 5:
        count_with_timer();
        break;
    case 6:
        REGISTER(0x40003000) = 0x5555;
        REGISTER(0x40003008) = 100;
        IWDG_KR = 0xCCCC;
        poll(0);
        break;
    case 7:
        blink();
        break;
    case 8:
        for (int index = 0; index < 200; index++) {
            uart_put('x');
        }
        while ((USART_SR & 0x40) == 0) {
        }
        break;
    default:
        echo();
        break;
    }
}
