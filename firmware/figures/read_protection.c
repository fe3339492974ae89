/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Read protection of the STM32F103 seen by code on the chip (PM0075): what is loaded, and what lifting it does. */
#include "figure.h"
#include "hal.h"

enum { SHOW = 0, LIFT = 1 };

struct fpec {
    volatile uint32_t ACR, KEYR, OPTKEYR, SR, CR, AR, RESERVED, OBR, WRPR;
};

static struct fpec *const FLASH = (struct fpec *)0x40022000u;
static volatile uint16_t *const RDP = (volatile uint16_t *)0x1FFFF800u;
static const uint32_t KEY1 = 0x45670123u;
static const uint32_t KEY2 = 0xCDEF89ABu;
static const uint32_t SR_BSY = 1u << 0;
static const uint32_t SR_EOP = 1u << 5;
static const uint32_t CR_OPTPG = 1u << 4;
static const uint32_t CR_OPTER = 1u << 5;
static const uint32_t CR_STRT = 1u << 6;
static const uint32_t CR_OPTWRE = 1u << 9;

static void wait(void)
{
    uint32_t status;

    do {
        status = FLASH->SR;
    } while ((status & SR_BSY) != 0 || (status & SR_EOP) == 0);
    FLASH->SR = SR_EOP;
}

static void protection_lift(void)
{
    FLASH->KEYR = KEY1;
    FLASH->KEYR = KEY2;
    FLASH->OPTKEYR = KEY1;
    FLASH->OPTKEYR = KEY2;
    FLASH->CR = CR_OPTWRE | CR_OPTER;
    FLASH->CR = CR_OPTWRE | CR_OPTER | CR_STRT;
    wait();
    FLASH->CR = CR_OPTWRE | CR_OPTPG;
    *RDP = 0xA5u;
    wait();
}

int main(void)
{
    hal_start();
    figure_send(FLASH->OBR);
    figure_send(figure_input(1));
    if (figure_input(0) == LIFT) {
        protection_lift();
    }
    hal_sleep();
}
