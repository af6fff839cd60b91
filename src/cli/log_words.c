// SPDX-License-Identifier: Apache-2.0
#include "log_words.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "detail.h"
#include "match.h"
#include "util.h"

// Small letters: a pattern without a capital looks at no case.
static char *
pattern_of(const char *word, size_t n)
{
    struct buf b = {0};
    for (size_t i = 0; i < n; i++) {
        if (strchr("\\^$.[]|()?*+{}", word[i]))
            buf_putc(&b, '\\');
        buf_putc(&b, (char)tolower((unsigned char)word[i]));
    }
    return buf_steal(&b);
}

static struct event_filter
requests_of(const struct log *l)
{
    return (struct event_filter){.since_ns = l->filter.f.since_ns,
                                 .until_ns = l->filter.f.until_ns,
                                 .kinds = 1u << KIND_REQUEST,
                                 .by_time = true};
}

static int
read_keys(struct log *l, struct event_filter *f, struct key_list *ret_keys, struct err *err)
{
    return archive_keys(&l->archive, f, &ret_keys->list, &ret_keys->n, err);
}

static struct key_list
either(const struct key_list *a, const struct key_list *b)
{
    struct key_list all = {.list = xcalloc(a->n + b->n + 1, sizeof *all.list)};
    for (size_t i = 0, k = 0; i < a->n || k < b->n;) {
        int c = i == a->n ? 1 : k == b->n ? -1 : event_key_compare(&a->list[i], &b->list[k]);
        all.list[all.n++] = c <= 0 ? a->list[i] : b->list[k];
        i += c <= 0;
        k += c >= 0;
    }
    return all;
}

static struct key_list
without(const struct key_list *a, const struct key_list *b)
{
    struct key_list rest = {.list = xcalloc(a->n + 1, sizeof *rest.list)};
    for (size_t i = 0, k = 0; i < a->n; i++) {
        while (k < b->n && event_key_compare(&b->list[k], &a->list[i]) < 0)
            k++;
        if (k == b->n || event_key_compare(&b->list[k], &a->list[i]) != 0)
            rest.list[rest.n++] = a->list[i];
    }
    return rest;
}

static int
add_keys(struct log *l, struct event_filter *f, struct key_list *keys, struct err *err)
{
    struct key_list more = {0};
    int ret = read_keys(l, f, &more, err);
    if (ret == 0) {
        struct key_list all = either(keys, &more);
        key_list_done(keys);
        *keys = all;
    }
    key_list_done(&more);
    return ret;
}

// In its texts; or the word is one for what was asked, or for the risk.
static int
find_word(struct log *l, const char *word, size_t n, struct key_list *ret_keys, struct err *err)
{
    cleanup_free char *pattern = pattern_of(word, n), *plain = xstrndup(word, n), *why = NULL;
    struct matcher *greps[2] = {0};
    struct event_filter f = requests_of(l), ops = f, risks = f;
    int ret = matcher_new(pattern, &greps[0], &why);
    if (ret < 0)
        return err_set(err, ret, "can't look for it: %s", why);
    f.greps = greps;
    f.shown = true;
    ret = read_keys(l, &f, ret_keys, err);
    matcher_free(greps[0]);
    for (int op = 0; op < _OP_MAX; op++)
        if (strcasestr(detail_op((enum op)op), plain))
            ops.ops |= 1u << op;
    for (int risk = 0; risk < _RISK_MAX; risk++)
        if (strcasestr(risk_to_string((enum risk)risk), plain))
            risks.risks |= 1u << risk;
    if (ret == 0 && ops.ops)
        ret = add_keys(l, &ops, ret_keys, err);
    if (ret == 0 && risks.risks)
        ret = add_keys(l, &risks, ret_keys, err);
    return ret;
}

int
log_find_words(struct log *l, const char *words, struct key_list *ret_keys, struct err *err)
{
    struct event_filter all = requests_of(l);
    struct key_list left = {0};
    int ret = read_keys(l, &all, &left, err);
    while (ret == 0 && *(words += strspn(words, " "))) {
        size_t n = strcspn(words, " ");
        bool wanted = n < 2 || words[0] != '-';
        struct key_list found = {0};
        ret = find_word(l, words + !wanted, n - !wanted, &found, err);
        if (ret == 0) {
            struct key_list fewer = (wanted ? key_list_both : without)(&left, &found);
            key_list_done(&left);
            left = fewer;
        }
        key_list_done(&found);
        words += n;
    }
    if (ret < 0)
        key_list_done(&left);
    else
        *ret_keys = left;
    return ret;
}
