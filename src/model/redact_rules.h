// SPDX-License-Identifier: Apache-2.0
// What redact.c takes for a secret: the tables. Names are compared without regard to case and to
// '-', '_' and '.', which the words here therefore don't have.
#pragma once
#include <stddef.h>

enum redact_kind {
    RULE_FLAG,   /* the whole name of a flag, an assignment or a key in quotes */
    RULE_PART,   /* it, or its last part: DB_PASS, db.pass, dbPass */
    RULE_NAME,   /* it, or what it ends with: --github-token, PGPASSWORD, apiKey, X-Vault-Token: */
    RULE_ENV,    /* an assignment whose name is in capitals: it, or its last part: STRIPE_KEY=... */
    RULE_USER,   /* a flag whose value is USER:SECRET */
    RULE_HEADER, /* NAME: a value up to the end of the line */
    RULE_QUERY,  /* ?NAME=value in a URL; the kinds above too, but USER */
    RULE_SHAPE,  /* a token begins like that, and at least min more characters follow */
    RULE_URL,    /* what follows this piece of a URL, at least min characters */
    RULE_BLOCK,  /* what follows, over lines, up to "-----END" */
};

struct redact_rule {
    enum redact_kind kind;
    const char *word;
    size_t len, min;
};

// How a program takes a secret that its name alone tells to be one.
enum {
    TOOL_NEXT = 1 << 0,    /* in the word behind the flag */
    TOOL_GLUED = 1 << 1,   /* in the same word, right behind it */
    TOOL_CLUSTER = 1 << 2, /* the flag may be the last letter of several: -sSu */
    TOOL_NAMED = 1 << 3,   /* behind a word that is a name of above: config set _authToken VALUE */
};

struct redact_tool {
    const char *program; /* last component of any word; '*' at its end: begins like that */
    const char *flag;
    unsigned how;
    char user; /* the value is USER, this character, SECRET; '@': USER:SECRET@HOST; 0: all of it */
};

extern const struct redact_rule redact_rules[]; /* names, up to RULE_QUERY */
extern const size_t redact_rules_n;
extern const struct redact_rule redact_shapes[]; /* RULE_SHAPE */
extern const size_t redact_shapes_n;
extern const struct redact_rule redact_pieces[]; /* RULE_URL, RULE_BLOCK */
extern const size_t redact_pieces_n;
extern const struct redact_tool redact_tools[];
extern const size_t redact_tools_n;
