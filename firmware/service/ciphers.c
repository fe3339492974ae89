/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Encrypting and decrypting what is on the line. */
#include <stddef.h>
#include <string.h>

#include "bearssl_aead.h"
#include "bearssl_block.h"
#include "commands.h"
#include "monocypher.h"

enum { DATA_BYTES_MAX = 256, TAG_BYTES = 16, KEY_BYTES_MAX = 32, NONCE_BYTES_MAX = 24 };

struct message {
    uint8_t key[KEY_BYTES_MAX];
    int32_t key_size;
    uint8_t nonce[NONCE_BYTES_MAX];
    int32_t nonce_size;
    uint8_t data[DATA_BYTES_MAX];
    int32_t data_size;
};

static bool message_of(char *const *words, struct message *message)
{
    message->key_size = line_bytes(words[1], message->key, sizeof message->key);
    message->nonce_size = line_bytes(words[2], message->nonce, sizeof message->nonce);
    message->data_size = line_bytes(words[3], message->data, sizeof message->data);
    return message->key_size >= 0 && message->nonce_size >= 0 && message->data_size >= 0;
}

#if APPLICATION_VERSION >= 4
static bool gcm(char *const *words, bool encrypts)
{
    struct message message;
    br_aes_ct_ctr_keys keys;
    br_gcm_context context;
    uint8_t tag[TAG_BYTES];

    if (!message_of(words, &message) || (message.key_size != 16 && message.key_size != 32) || message.nonce_size != 12) {
        return false;
    }
    const size_t tail = encrypts ? 0 : TAG_BYTES;
    if ((size_t)message.data_size < tail) {
        return false;
    }
    const size_t size = (size_t)message.data_size - tail;
    br_aes_ct_ctr_init(&keys, message.key, (size_t)message.key_size);
    br_gcm_init(&context, &keys.vtable, br_ghash_ctmul32);
    br_gcm_reset(&context, message.nonce, (size_t)message.nonce_size);
    br_gcm_flip(&context);
    br_gcm_run(&context, encrypts, message.data, size);
    if (!encrypts && br_gcm_check_tag(&context, message.data + size) != 1) {
        answer_text("altered");
        return true;
    }
    answer_bytes(message.data, (uint32_t)size);
    if (encrypts) {
        br_gcm_get_tag(&context, tag);
        answer_bytes(tag, sizeof tag);
    }
    return true;
}

static bool run_seal(char *const *words)
{
    return gcm(words, true);
}

static bool run_open(char *const *words)
{
    return gcm(words, false);
}
#else
static bool run_seal(char *const *words)
{
    struct message message;
    uint8_t tag[TAG_BYTES];

    if (!message_of(words, &message) || message.key_size != 32 || message.nonce_size != 24) {
        return false;
    }
    crypto_aead_lock(message.data, tag, message.key, message.nonce, NULL, 0, message.data, (size_t)message.data_size);
    answer_bytes(message.data, (uint32_t)message.data_size);
    answer_bytes(tag, sizeof tag);
    return true;
}

static bool run_open(char *const *words)
{
    struct message message;

    if (!message_of(words, &message) || message.key_size != 32 || message.nonce_size != 24 || message.data_size < TAG_BYTES) {
        return false;
    }
    const size_t size = (size_t)message.data_size - TAG_BYTES;
    if (crypto_aead_unlock(message.data, message.data + size, message.key, message.nonce, NULL, 0, message.data, size) != 0) {
        answer_text("altered");
        return true;
    }
    answer_bytes(message.data, (uint32_t)size);
    return true;
}

/* AES in counter mode, without a tag. */
static bool run_ctr(char *const *words)
{
    struct message message;
    br_aes_ct_ctr_keys keys;

    if (!message_of(words, &message) || (message.key_size != 16 && message.key_size != 32) || message.nonce_size != 12) {
        return false;
    }
    br_aes_ct_ctr_init(&keys, message.key, (size_t)message.key_size);
    (void)br_aes_ct_ctr_run(&keys, message.nonce, 1, message.data, (size_t)message.data_size);
    answer_bytes(message.data, (uint32_t)message.data_size);
    return true;
}
#endif

const struct command CIPHER_COMMANDS[] = {
#if APPLICATION_VERSION >= 4
    {"seal", 4, run_seal, "KEY NONCE DATA: AES-GCM, the tag behind the data"},
#else
    {"seal", 4, run_seal, "KEY NONCE DATA: XChaCha20-Poly1305, the tag behind the data"},
    {"ctr", 4, run_ctr, "KEY NONCE DATA: AES in counter mode, both ways"},
#endif
    {"open", 4, run_open, "KEY NONCE DATA: what was sealed, or that it was altered"},
};

const uint32_t CIPHER_COMMAND_COUNT = sizeof CIPHER_COMMANDS / sizeof CIPHER_COMMANDS[0];
