/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A test is a function with a name and a sentence. The runner runs one test in a process of its own.
 *
 * 1. The first check that fails prints where and what, and ends the process with status 1.
 */
#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H

#include <stdint.h>

struct unit {
    const char *name;
    const char *sentence;
    void (*run)(void);
    struct unit *next;
};

void unit_register(struct unit *unit);

/* Each program has a device of its own: read what it needs from a folder, or exit with status 2. */
void device_load(const char *folder);

/* What the device did last, for the message of a failed check. */
const char *device_story(void);

_Noreturn void unit_fail(const char *file, int line, const char *what, long long expected, long long seen);

#define TEST(test_name, test_sentence)                                                                                  \
    static void test_name(void);                                                                                       \
    __attribute__((constructor)) static void register_##test_name(void)                                                \
    {                                                                                                                  \
        static struct unit unit = {#test_name, test_sentence, test_name, 0};                                           \
        unit_register(&unit);                                                                                          \
    }                                                                                                                  \
    static void test_name(void)

#define CHECK_EQUAL(expected, seen)                                                                                    \
    do {                                                                                                               \
        const long long expected_value = (long long)(expected);                                                        \
        const long long seen_value = (long long)(seen);                                                                \
        if (expected_value != seen_value) {                                                                            \
            unit_fail(__FILE__, __LINE__, #seen, expected_value, seen_value);                                          \
        }                                                                                                              \
    } while (0)

#define CHECK(condition) CHECK_EQUAL(1, (condition) ? 1 : 0)

#endif
