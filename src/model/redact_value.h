// SPDX-License-Identifier: Apache-2.0
// Where a value ends in a text that a program, a shell or a parser would read.
#pragma once
#include <stdbool.h>
#include <stddef.h>

bool redact_is_space(char c);
bool redact_is_quote(char c);
// open: a quote, in a text from begin up to end. Its closing one, or the end. A quote inside has
// other backslashes before it: one where that at open has none, three where it has one.
const char *redact_closing(const char *begin, const char *open, const char *end);
// The value of a flag inside of a text: a quoted one with its spaces.
const char *redact_skip_value(const char *p, const char *end);
// The value of a key in JSON and the like: a string, all of a list or an object, or up to what ends
// it.
const char *redact_skip_json(const char *begin, const char *end);
