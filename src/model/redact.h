// SPDX-License-Identifier: Apache-2.0
// Secrets are taken out of command lines and notes before they are recorded: values of flags and
// assignments that look secret, headers, user-info and query values of URLs, known shapes of
// tokens, and what known programs take. redact_rules.c says which. Best effort: what looks like
// nothing of that stays. Pure; any thread.
#pragma once
#include <stddef.h>

#include "buf.h"

#define REDACTED "[REDACTED]"

// argv: words ended by NUL. more: further names, one per line: of flags, assignments, headers and
// query keys ("acme-pin"), or, with a star at its end, how a token begins ("acme_*"); NULL for
// none. Appends what is left to out; how many secrets were taken out.
size_t redact_argv(const char *argv, size_t len, const char *more, struct buf *out);
// The same for one text of a person.
size_t redact_text(const char *text, const char *more, struct buf *out);
