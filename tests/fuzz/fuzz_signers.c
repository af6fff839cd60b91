// SPDX-License-Identifier: Apache-2.0
// Whatever an allowed-signers file holds: it can be read, or one line says which line cannot. And
// whatever a pattern is, matching ends.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "trust_policy.h"
#include "util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool ok)
{
    if (!ok)
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup_err struct err err = {0};
    // Not one byte more than the text: what is read behind it is seen.
    cleanup_free char *text = xmemdup(data, size ? size : 1);
    int ret = trust_check_signers(text, size, "s", &err);
    check((ret == 0) == !err.msg);
    check(!err.msg || (strncmp(err.msg, "s:", 2) == 0 && !strchr(err.msg, '\n')));
    struct trust_policy p = {0};
    cleanup_free char *pattern = xstrndup(text, strnlen(text, size));
    trust_add_pattern(&p, pattern, "s");
    check((p.n == 1) == (p.warnings.len == 0));
    trust_matches(&p, pattern);
    trust_matches(&p, "/a/b/.claude/c");
    trust_policy_done(&p);
    return 0;
}
