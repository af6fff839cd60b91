// SPDX-License-Identifier: Apache-2.0
// The key that signs the heads of the chains: Ed25519, made at first use, in a file of the user's
// (0600, hexadecimal seed). Any thread.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define KEY_PUBLIC_LEN 32
#define KEY_SIGNATURE_LEN 64

struct key {
    uint8_t public[KEY_PUBLIC_LEN];
    uint8_t secret[64];
};

// Reads the key, or makes it where there is none. Refused: a file that others could read or that
// belongs to somebody else (-EPERM), one that holds no key (-EINVAL).
int key_open(const char *path, struct key *ret_key, struct err *err);
// Only the public half. -ENOENT when there is no key yet.
int key_read_public(const char *path, uint8_t ret_public[KEY_PUBLIC_LEN], struct err *err);

void key_sign(const struct key *key, const void *data, size_t n,
              uint8_t ret_signature[KEY_SIGNATURE_LEN]);
// 0, or -EBADMSG.
int key_check(const uint8_t public[KEY_PUBLIC_LEN], const void *data, size_t n,
              const uint8_t signature[KEY_SIGNATURE_LEN]);

// Sixteen hexadecimal digits by which people know a key.
#define KEY_NAME_LEN 17
void key_name(const uint8_t public[KEY_PUBLIC_LEN], char ret_name[KEY_NAME_LEN]);
