/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What a fuzzer calls: one target a program, any bytes in, 0 out. A broken promise aborts, and the sanitizers watch the rest.
 *
 * 1. A target depends on its input alone: each call begins with a device of its own.
 * 2. Linked with libFuzzer it is fuzzed; linked with replay.c it runs the files that it is given, with any compiler.
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

/* The next bytes of an input; zeros once it is used up. */
struct input {
    const uint8_t *data;
    size_t left_bytes;
};

uint8_t input_byte(struct input *input);
uint32_t input_number(struct input *input);

/* Read what the device needs from the folder that FUZZ_IMAGES names, in the first call. */
void fuzz_load_device(void);

#endif
