// SPDX-License-Identifier: Apache-2.0
// Which names and tokens are those of the tables in redact_rules.c. more: as in redact.h.
#pragma once
#include <stdbool.h>
#include <stddef.h>

// How much of the n bytes at s is a name.
size_t redact_name_len(const char *s, size_t n);
// kinds: bits 1 << enum redact_kind.
bool redact_is_listed(const char *more, const char *name, size_t n, unsigned kinds);
// Is what begins at p, of run characters, a token of a known shape?
bool redact_is_shape(const char *more, const char *p, size_t run);
