// SPDX-License-Identifier: Apache-2.0
// For the tests of the view model: requests, keys and a time of their own.
#pragma once
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "input.h"
#include "keys.h"
#include "util.h"
#include "view.h"

#define MS NS_PER_MS
#define START (1000 * NS_PER_SEC)

static inline struct request *
make_request(uint64_t id, enum risk risk)
{
    struct request *r = request_new();

    r->id = id;
    r->op = OP_READ;
    r->access = ACCESS_READ;
    r->call = "openat";
    r->exe = xstrdup("/usr/bin/node");
    r->argv = xmemdup("node\0x", 7);
    r->argv_len = 7;
    r->cwd = xstrdup("/w");
    r->ancestry = xstrdup("");
    r->target = xstrdup("x");
    r->resolved = xasprintf("/home/u/.ssh/id_%llu", (unsigned long long)id);
    r->nearest = xstrdup("");
    r->tags = xstrdup("");
    r->risk = risk;
    r->count = 1;
    r->raised_mono_ns = START - NS_PER_SEC;
    memset(r->digest, (int)id, DIGEST_LEN);
    return r;
}

static inline void
finish(struct view *v, uint64_t id, enum state state, enum verdict verdict, uint64_t now)
{
    struct request_update u = {.id = id,
                               .state = state,
                               .count = 1,
                               .verdict = verdict,
                               .by = DECIDER_USER,
                               .scope = SCOPE_ONCE};
    view_update(v, 0, &u, now);
}

// Decisions that the last press took.
static unsigned taken;

// *d: the first of them.
static inline enum view_result
press_as(struct view *v, uint32_t code, bool alone, uint64_t now, struct decision *d)
{
    char raw[8] = {(char)code};
    struct input_key key = {.code = code, .raw = raw, .raw_len = 1};
    enum view_result result = view_press(v, &key, alone, now);
    struct decision one;
    unsigned session;

    taken = 0;
    while (result == VIEW_DECIDE && view_take(v, now, &session, &one)) {
        one.note = NULL;
        if (taken++ == 0)
            *d = one;
    }
    cr_assert_eq(result == VIEW_DECIDE, taken > 0);
    return result;
}

static inline enum view_result
press(struct view *v, uint32_t code, uint64_t now, struct decision *d)
{
    return press_as(v, code, true, now, d);
}

static inline void
show(struct view *v, uint64_t now)
{
    view_displayed(v, v->selected, 0, 1, 1, now);
}

static inline void
type_name(struct view *v, const char *name, uint64_t *now)
{
    struct decision d;

    for (; *name; name++) {
        *now += 50 * MS;
        cr_assert_eq(press(v, (unsigned char)*name, *now, &d), VIEW_NOTHING);
    }
}

static inline uint64_t
selected_id(const struct view *v)
{
    return view_selected(v) ? view_selected(v)->request->id : 0;
}

#define VIEW(v)                                                                                    \
    __attribute__((cleanup(view_done))) struct view v;                                             \
    struct decision d = {0};                                                                       \
    uint64_t now = START;                                                                          \
    view_init(&v, true, now);                                                                      \
    (void)d

static const uint32_t all_keys[] = {
    1,
    2,
    3,
    4,
    5,
    6,
    8,
    '\t',
    '\n',
    12,
    '\r',
    26,
    27,
    ' ',
    '0',
    '1',
    '2',
    '3',
    '9',
    'a',
    'b',
    'c',
    'd',
    'D',
    'g',
    'G',
    'j',
    'k',
    'n',
    'N',
    'o',
    'O',
    'p',
    'P',
    'q',
    's',
    'S',
    't',
    'T',
    'm',
    'r',
    'u',
    'U',
    'x',
    'y',
    'Y',
    'z',
    '?',
    '/',
    '<',
    '>',
    ']',
    '*',
    '&',
    '[',
    'f',
    0x7f,
    0xe9,
    KEYS_PREFIX,
    INPUT_UP,
    INPUT_DOWN,
    INPUT_LEFT,
    INPUT_RIGHT,
    INPUT_HOME,
    INPUT_END,
    INPUT_PAGE_UP,
    INPUT_PAGE_DOWN,
    INPUT_INSERT,
    INPUT_DELETE,
    INPUT_BACKTAB,
    INPUT_PASTE,
    INPUT_OTHER,
    INPUT_F0 + 1,
    INPUT_F0 + 12,
};
