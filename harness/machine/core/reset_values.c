/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "reset_values.h"

#include "machine.h"

#define DISCONNECTED 0xFFFFFFFFu /* no pin selected */

const struct reset_value reset_values_stm32f103[] = {
    /* RM0008 18: RTC; its prescaler, and alarm registers */
    {0x40002804u, 0x20u, 1, 0},
    {0x4000280Cu, 0x8000u, 1, 0},
    {0x40002820u, 0xFFFFu, 2, 4},
    /* RM0008 20: WWDG_CR, WWDG_CFR */
    {0x40002C00u, 0x7Fu, 2, 4},
    /* RM0008 25: SPI_SR and SPI_CRCPR of SPI2 and SPI1 */
    {0x40003808u, 0x2u, 1, 0},
    {0x40003810u, 0x7u, 1, 0},
    {0x40013008u, 0x2u, 1, 0},
    {0x40013010u, 0x7u, 1, 0},
    /* RM0008 27: USART_SR of USART2 and USART3 */
    {0x40004400u, 0xC0u, 2, 0x400},
    /* RM0008 26: I2C_TRISE of I2C1 and I2C2 */
    {0x40005420u, 0x2u, 2, 0x400},
    /* RM0008 23: USB_CNTR */
    {0x40005C40u, 0x3u, 1, 0},
    /* RM0008 24: CAN_MCR, CAN_MSR, CAN_TSR, CAN_BTR, CAN_FMR */
    {0x40006400u, 0x00010002u, 1, 0},
    {0x40006404u, 0x00000C02u, 1, 0},
    {0x40006408u, 0x1C000000u, 1, 0},
    {0x4000641Cu, 0x01230000u, 1, 0},
    {0x40006600u, 0x2A1C0E01u, 1, 0},
    /* RM0008 11: ADC_HTR of ADC1 and ADC2 */
    {0x40012424u, 0xFFFu, 2, 0x400},
    /* RM0008 4: CRC_DR */
    {0x40023000u, 0xFFFFFFFFu, 1, 0},
    {0, 0, 0, 0},
};

const struct reset_value reset_values_nrf52840[] = {
    /* CLOCK: HFXODEBOUNCE; POWER: RAM[n].POWER */
    {0x40000528u, 0x10u, 1, 0},
    {0x40000900u, 0xFFFFu, 9, 0x10},
    /* RADIO: FREQUENCY, DATAWHITEIV, MODECNF0, SFD, CCACTRL, POWER */
    {0x40001508u, 0x2u, 1, 0},
    {0x40001554u, 0x40u, 1, 0},
    {0x40001650u, 0x200u, 1, 0},
    {0x40001660u, 0xA7u, 1, 0},
    {0x4000166Cu, 0x052D0000u, 1, 0},
    {0x40001FFCu, 0x1u, 1, 0},
    /* UARTE0: BAUDRATE; UARTE1: PSEL, BAUDRATE */
    {0x40002524u, 0x04000000u, 1, 0},
    {0x40028508u, DISCONNECTED, 4, 4},
    {0x40028524u, 0x04000000u, 1, 0},
    /* SPI, SPIM and TWI, whose registers share their places: PSEL, FREQUENCY, and of SPIM IFTIMING and PSELDCX */
    {0x40003508u, DISCONNECTED, 4, 4},
    {0x40003524u, 0x04000000u, 2, 0x1000},
    {0x40003560u, 0x2u, 2, 0x1000},
    {0x40003564u, 0x2u, 2, 0x1000},
    {0x4000356Cu, DISCONNECTED, 2, 0x1000},
    {0x40004508u, DISCONNECTED, 4, 4},
    {0x40023508u, DISCONNECTED, 4, 4},
    {0x40023524u, 0x04000000u, 1, 0},
    {0x40023560u, 0x2u, 2, 4},
    {0x4002356Cu, DISCONNECTED, 1, 0},
    {0x4002F508u, DISCONNECTED, 4, 4},
    {0x4002F524u, 0x04000000u, 1, 0},
    {0x4002F560u, 0x2u, 2, 4},
    {0x4002F56Cu, DISCONNECTED, 1, 0},
    /* SPIS: SEMSTAT; TWIS: CONFIG */
    {0x40003400u, 0x1u, 2, 0x1000},
    {0x40023400u, 0x1u, 1, 0},
    {0x40003594u, 0x1u, 2, 0x1000},
    /* NFCT: frame delays and formats, NFCID1_LAST, AUTOCOLRESCONFIG, SENSRES */
    {0x40005504u, 0x480u, 1, 0},
    {0x40005508u, 0x1000u, 1, 0},
    {0x4000550Cu, 0x1u, 1, 0},
    {0x40005518u, 0x17u, 1, 0},
    {0x40005520u, 0x15u, 1, 0},
    {0x40005590u, 0x6363u, 1, 0},
    {0x4000559Cu, 0x2u, 1, 0},
    {0x400055A0u, 0x1u, 1, 0},
    /* SAADC: CH[n].CONFIG, CH[n].LIMIT, RESOLUTION */
    {0x40007518u, 0x00020000u, 8, 0x10},
    {0x4000751Cu, 0x7FFF8000u, 8, 0x10},
    {0x400075F0u, 0x1u, 1, 0},
    /* TEMP: slopes, intercepts and ends of the linear pieces */
    {0x4000C520u, 0x326u, 1, 0},
    {0x4000C524u, 0x348u, 1, 0},
    {0x4000C528u, 0x3AAu, 1, 0},
    {0x4000C52Cu, 0x40Eu, 1, 0},
    {0x4000C530u, 0x4BDu, 1, 0},
    {0x4000C534u, 0x5A3u, 1, 0},
    {0x4000C540u, 0x3FEFu, 1, 0},
    {0x4000C544u, 0x3FBEu, 2, 4},
    {0x4000C54Cu, 0x12u, 1, 0},
    {0x4000C550u, 0x124u, 1, 0},
    {0x4000C554u, 0x27Cu, 1, 0},
    {0x4000C560u, 0xE2u, 1, 0},
    {0x4000C568u, 0x19u, 1, 0},
    {0x4000C56Cu, 0x3Cu, 1, 0},
    {0x4000C570u, 0x50u, 1, 0},
    /* CCM: MODE, MAXPACKETSIZE */
    {0x4000F504u, 0x1u, 1, 0},
    {0x4000F518u, 0xFBu, 1, 0},
    /* QDEC: PSEL, LEDPRE; COMP: REFSEL */
    {0x4001251Cu, DISCONNECTED, 3, 4},
    {0x40012540u, 0x10u, 1, 0},
    {0x40013508u, 0x4u, 1, 0},
    /* PWM0 to PWM3: COUNTERTOP, SEQ[n].REFRESH, PSEL.OUT[n] */
    {0x4001C508u, 0x3FFu, 1, 0},
    {0x4001C528u, 0x1u, 2, 0x20},
    {0x4001C560u, DISCONNECTED, 4, 4},
    {0x40021508u, 0x3FFu, 2, 0x1000},
    {0x40021528u, 0x1u, 2, 0x20},
    {0x40021560u, DISCONNECTED, 4, 4},
    {0x40022528u, 0x1u, 2, 0x20},
    {0x40022560u, DISCONNECTED, 4, 4},
    {0x4002D508u, 0x3FFu, 1, 0},
    {0x4002D528u, 0x1u, 2, 0x20},
    {0x4002D560u, DISCONNECTED, 4, 4},
    /* PDM: PDMCLKCTRL, GAINL, GAINR, PSEL */
    {0x4001D504u, 0x08400000u, 1, 0},
    {0x4001D518u, 0x28u, 2, 4},
    {0x4001D540u, DISCONNECTED, 2, 4},
    /* I2S: CONFIG, PSEL */
    {0x4002550Cu, 0x1u, 2, 4},
    {0x40025514u, 0x20000000u, 1, 0},
    {0x40025518u, 0x6u, 1, 0},
    {0x4002551Cu, 0x1u, 1, 0},
    {0x40025560u, DISCONNECTED, 5, 4},
    /* USBD: SIZE.ISOOUT, DTOGGLE, EPINEN, EPOUTEN */
    {0x400274C0u, 0x10000u, 1, 0},
    {0x4002750Cu, 0x100u, 1, 0},
    {0x40027510u, 0x1u, 2, 4},
    /* QSPI: PSEL, IFCONFIG1, DPMDUR, ADDRCONF, CINSTRCONF, IFTIMING */
    {0x40029524u, DISCONNECTED, 2, 4},
    {0x40029530u, DISCONNECTED, 4, 4},
    {0x40029600u, 0x00040480u, 1, 0},
    {0x40029614u, 0xFFFFFFFFu, 1, 0},
    {0x40029624u, 0xB7u, 1, 0},
    {0x40029634u, 0x2000u, 1, 0},
    {0x40029640u, 0x200u, 1, 0},
    {0, 0, 0, 0},
};

void reset_values_apply(struct machine *m)
{
    for (const struct reset_value *entry = m->chip->reset_values; entry != NULL && entry->count != 0; entry++) {
        for (uint32_t index = 0; index < entry->count; index++) {
            *bus_word(m, entry->address + index * entry->step_bytes) = entry->value;
        }
    }
}
