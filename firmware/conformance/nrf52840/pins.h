/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef CONFORMANCE_PINS_H
#define CONFORMANCE_PINS_H

enum { PIN_TXD = 6 }; /* P0.06 of the nRF52840 DK */

#endif
