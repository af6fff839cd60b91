// SPDX-License-Identifier: Apache-2.0
// JSON with comments ("//" to the end of the line, "/* */"), strict UTF-8, no duplicate keys; and
// the line of every key and value, which jansson does not keep. Pure.
//
// Lines are given in the order of the text. Who walks the tree in that order (jansson keeps it)
// calls jsonc_line() once for each value before its content, and once for each key before its
// value; jsonc_skip() does that for a value that is not looked into.
#pragma once
#include <jansson.h>
#include <stddef.h>

#include "err.h"

struct jsonc {
    json_t *root;
    unsigned *lines;
    size_t n, at;
};

#define cleanup_jsonc __attribute__((cleanup(jsonc_done)))

// name is what an error calls the text ("NAME:12: ..."), already fit to be shown.
int jsonc_parse(const char *text, size_t len, const char *name, struct jsonc *ret_j,
                struct err *err);
void jsonc_done(struct jsonc *j);

unsigned jsonc_line(struct jsonc *j);
void jsonc_skip(struct jsonc *j, const json_t *value);
