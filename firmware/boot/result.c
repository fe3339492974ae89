/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "result.h"

const char *result_word(enum result result)
{
    switch (result) {
    case RESULT_OK:
        return "ok";
    case RESULT_MAGIC:
        return "magic";
    case RESULT_FORMAT:
        return "format";
    case RESULT_FLAGS:
        return "flags";
    case RESULT_SIZE:
        return "size";
    case RESULT_ENTRY:
        return "entry";
    case RESULT_RESERVED:
        return "reserved";
    case RESULT_HARDWARE:
        return "hardware";
    case RESULT_VERSION:
        return "version";
    case RESULT_CRC:
        return "crc";
    case RESULT_KEY:
        return "key";
    case RESULT_SIGNATURE:
        return "signature";
    case RESULT_BASE:
        return "base";
    case RESULT_PATCH:
        return "patch";
    case RESULT_TARGET:
        return "target";
    case RESULT_MODULE:
        return "module";
    case RESULT_NEW_KEY:
        return "new_key";
    case RESULT_KEY_PLACES:
        return "key_places";
    case RESULT_ERROR_TIMEOUT:
        return "timeout";
    case RESULT_ERROR_PROGRAM:
        return "program";
    case RESULT_ERROR_PROTECTED:
        return "protected";
    case RESULT_ERROR_MISMATCH:
        return "mismatch";
    case RESULT_ERROR_RANGE:
        return "range";
    case RESULT_ERROR_LOCKED:
        return "locked";
    }
    return "unknown";
}
