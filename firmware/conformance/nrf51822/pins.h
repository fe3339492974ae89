/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef CONFORMANCE_PINS_H
#define CONFORMANCE_PINS_H

enum { PIN_TXD = 24 }; /* P0.24 of the micro:bit */

#endif
