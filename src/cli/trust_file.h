// SPDX-License-Identifier: Apache-2.0
// Who signed a file that lies here: outside a session, for one who asks.
#pragma once
#include "keygen.h"
#include "trust_policy.h"

struct trust_verifier {
    int helper, signers; /* descriptors of keygen_verify(); -1: nobody may sign */
};
#define TRUST_VERIFIER_NONE                                                                        \
    (struct trust_verifier)                                                                        \
    {                                                                                              \
        -1, -1                                                                                     \
    }

// Of a file of more than NONO_VERIFIED_MAX.
#define TRUST_TOO_LARGE "too large: at most 4 MiB are verified"

// Where nobody may sign, nothing is started. Before any thread exists. 0 or -errno.
int trust_verifier_start(const struct trust_policy *t, struct trust_verifier *ret_v);
void trust_verifier_done(struct trust_verifier *v);
// 0 with the signer's name, or -errno: -ENODATA for no signature, else as keygen_verify(); *ret_why
// then says it to a person, and is the caller's to free; else it is NULL.
int trust_verify_file(const struct trust_verifier *v, const char *path,
                      char ret_principal[KEYGEN_PRINCIPAL_MAX], char **ret_why);
