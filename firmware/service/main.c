/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The application of profile speck-delta: a service console that digests, seals and checks signatures on the UART.
 *
 * Its versions are one program's history, so that patches between them are those of real firmware: 2 mends a check of 1, 3 adds a
 * command, 4 replaces both ciphers by another one.
 */
#include "commands.h"
#include "hal.h"
#include "line.h"

static const struct command *find_in(const struct command *commands, uint32_t count, const char *name)
{
    for (uint32_t i = 0; i < count; i++) {
        if (line_word_is(name, commands[i].name)) {
            return &commands[i];
        }
    }
    return 0;
}

static const struct command *find(const char *name)
{
    const struct command *command = find_in(DIGEST_COMMANDS, DIGEST_COMMAND_COUNT, name);

    if (command == 0) {
        command = find_in(CIPHER_COMMANDS, CIPHER_COMMAND_COUNT, name);
    }
    return command != 0 ? command : find_in(CURVE_COMMANDS, CURVE_COMMAND_COUNT, name);
}

static void help_with(const struct command *commands, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        answer_text(commands[i].name);
        answer_text(" ");
        answer_text(commands[i].help);
        answer_end();
    }
}

static void help(void)
{
    help_with(DIGEST_COMMANDS, DIGEST_COMMAND_COUNT);
    help_with(CIPHER_COMMANDS, CIPHER_COMMAND_COUNT);
    help_with(CURVE_COMMANDS, CURVE_COMMAND_COUNT);
}

static void obey(const struct line *line)
{
    const struct command *command = find(line->words[0]);

    if (command == 0) {
        help();
    } else if (line->count != command->words || !command->run(line->words)) {
        answer_text("refused: ");
        answer_text(command->help);
    }
    answer_end();
}

int main(void)
{
    static struct line line;

    hal_start();
    answer_text("application ");
    answer_decimal(APPLICATION_VERSION);
    answer_text(" ready\r\n");
    for (;;) {
        if (!line_read(&line)) {
            answer_text("refused: too long\r\n");
        } else if (line.count > 0) {
            obey(&line);
        }
    }
}
