// SPDX-License-Identifier: Apache-2.0
#include "log_filter.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "display.h"
#include "util.h"
#include "when.h"

// --- words of an enum -------------------------------------------------------------------------

#define WORDS_OF(name)                                                                             \
    static int name##_parse(const char *s)                                                         \
    {                                                                                              \
        return (int)name##_from_string(s);                                                         \
    }                                                                                              \
    static const char *name##_word(int v)                                                          \
    {                                                                                              \
        return name##_to_string((enum name)v);                                                     \
    }
WORDS_OF(verdict)
WORDS_OF(decider)
WORDS_OF(op)
WORDS_OF(risk)
WORDS_OF(kind)

static const struct word_option {
    int id;
    const char *name;
    int (*parse)(const char *s);
    const char *(*word)(int v);
    int max;
    size_t words;  /* offset in struct log_filter */
    size_t result; /* offset in struct event_filter */
} word_options[] = {
#define ROW(id, name, enum, UPPER, field)                                                          \
    {                                                                                              \
        id, name, enum##_parse, enum##_word, _##UPPER##_MAX, offsetof(struct log_filter, field),   \
            offsetof(struct event_filter, field)                                                   \
    }
    ROW(OPT_FILTER_DECISION, "decision", verdict, VERDICT, verdicts),
    ROW(OPT_FILTER_BY, "by", decider, DECIDER, deciders),
    ROW(OPT_FILTER_OP, "op", op, OP, ops),
    ROW(OPT_FILTER_RISK, "risk", risk, RISK, risks),
    ROW(OPT_FILTER_KIND, "kind", kind, KIND, kinds),
#undef ROW
};

static struct filter_words *
words_of(struct log_filter *l, const struct word_option *w)
{
    return (struct filter_words *)((char *)l + w->words);
}

static int
add_word(struct log_filter *l, struct options *o, const struct word_option *w, const char *text)
{
    bool negated = text[0] == '-';
    int v = w->parse(text + negated);
    if (v >= 0) {
        struct filter_words *words = words_of(l, w);
        *(negated ? &words->unwanted : &words->wanted) |= 1u << v;
        return 0;
    }
    cleanup_free char *shown = display_str(text, 0);
    cleanup_buf struct buf known = {0};
    for (int i = 0; i < w->max; i++)
        buf_printf(&known, "%s%s", i ? ", " : "", w->word(i));
    options_error(o, "--%s %s: not one of %s", w->name, shown, buf_str(&known));
    return -EINVAL;
}

// --- lists ------------------------------------------------------------------------------------

static void
list_add(struct filter_list *l, const char *text, bool negated)
{
    l->list = xrealloc(l->list, (l->n + 2) * sizeof *l->list);
    l->list[l->n++] = (struct pattern){.text = text, .negated = negated};
    l->list[l->n] = (struct pattern){0};
}

// The next value of a comma-separated argument; a comma behind a backslash is part of it. Changes
// the argument. NULL at the end.
static char *
next_value(char **rest)
{
    char *value = *rest, *p = value;
    if (!value)
        return NULL;
    while (*p && *p != ',')
        p += *p == '\\' && p[1] ? 2 : 1;
    *rest = *p ? p + 1 : NULL;
    *p = 0;
    return value;
}

static const struct list_option {
    int id;
    const char *name;
    bool numbers;
    size_t list;   /* offset in struct log_filter */
    size_t result; /* offset in struct event_filter */
} list_options[] = {
#define ROW(id, field, numbers)                                                                    \
    {                                                                                              \
        id, #field, numbers, offsetof(struct log_filter, field##s),                                \
            offsetof(struct event_filter, field##s)                                                \
    }
    ROW(OPT_FILTER_PATH, path, false), ROW(OPT_FILTER_EXE, exe, false),
    ROW(OPT_FILTER_HOST, host, false), ROW(OPT_FILTER_PID, pid, true),
    ROW(OPT_FILTER_PORT, port, true),
#undef ROW
};

static int
add_value(struct log_filter *l, struct options *o, const struct list_option *row, const char *text)
{
    bool negated = text[0] == '-';
    text += negated;
    size_t n = strlen(text);
    const char *wrong = NULL;
    if (!n)
        wrong = "empty";
    else if (row->numbers && (n > 10 || strspn(text, "0123456789") != n))
        wrong = "not a number";
    else if (row->id == OPT_FILTER_PORT && strtoul(text, NULL, 10) > UINT16_MAX)
        wrong = "there are ports up to 65535 only";
    else if (row->id == OPT_FILTER_HOST && !host_pattern_is_valid(text))
        wrong = "neither a host nor a network (10.0.0.0/8)";
    if (!wrong) {
        list_add((struct filter_list *)((char *)l + row->list), text, negated);
        return 0;
    }
    cleanup_free char *shown = display_str(text, DISPLAY_QUOTE);
    options_error(o, "--%s %s: %s", row->name, shown, wrong);
    return -EINVAL;
}

static int
add_grep(struct log_filter *l, struct options *o)
{
    struct matcher *m = NULL;
    cleanup_free char *why = NULL;
    if (matcher_new(o->arg, &m, &why) < 0) {
        cleanup_free char *shown = display_str(o->arg, DISPLAY_QUOTE);
        options_error(o, "--grep %s: %s", shown, why);
        return -EINVAL;
    }
    l->greps = xrealloc(l->greps, (l->greps_n + 2) * sizeof(struct matcher *));
    l->greps[l->greps_n++] = m;
    l->greps[l->greps_n] = NULL;
    return 0;
}

// --- times ------------------------------------------------------------------------------------

static int
set_time(struct options *o, const char *name, uint64_t *ret_ns)
{
    if (when_parse(o->arg, clock_real_ns(), ret_ns) == 0)
        return 0;
    cleanup_free char *shown = display_str(o->arg, 0);
    options_error(o, "--%s '%s': not a time ('2025-11-23 14:02', @EPOCH, '10 min ago')", name,
                  shown);
    return -EINVAL;
}

static int
set_waited(struct event_filter *f, struct options *o)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"", 1000},   {"ms", 1},      {"s", 1000},   {"sec", 1000},
                 {"m", 60000}, {"min", 60000}, {"h", 3600000}};
    const char *p = o->arg;
    char sign = *p == '<' ? '<' : '>';
    p += *p == '<' || *p == '>';
    bool equal = *p == '=' || (o->arg[0] != '<' && o->arg[0] != '>');
    p += *p == '=';
    while (*p == ' ')
        p++;
    char *unit;
    errno = 0;
    long long n = strtoll(p, &unit, 10);
    for (size_t i = 0; isdigit((unsigned char)*p) && !errno && i < ARRAY_SIZE(units); i++) {
        if (strcmp(unit, units[i].unit) != 0 || n > INT64_MAX / units[i].ms - 1)
            continue;
        int64_t ms = n * units[i].ms;
        f->waited = true;
        f->waited_min_ms = sign == '>' ? ms + !equal : 0;
        f->waited_max_ms = sign == '>' ? INT64_MAX : ms - !equal;
        return 0;
    }
    cleanup_free char *shown = display_str(o->arg, 0);
    options_error(o, "--waited '%s': not a length of time ('>30s', '<=500ms', '>2min')", shown);
    return -EINVAL;
}

// ----------------------------------------------------------------------------------------------

static int
set_option(struct log_filter *l, struct options *o, int c)
{
    char *rest = (char *)o->arg;
    int r = 0;
    for (size_t i = 0; i < ARRAY_SIZE(word_options); i++)
        for (char *v; word_options[i].id == c && r == 0 && (v = next_value(&rest));)
            r = add_word(l, o, &word_options[i], v);
    for (size_t i = 0; i < ARRAY_SIZE(list_options); i++)
        for (char *v; list_options[i].id == c && r == 0 && (v = next_value(&rest));)
            r = add_value(l, o, &list_options[i], v);
    switch (c) {
    case OPT_FILTER_GREP:
        return add_grep(l, o);
    case OPT_FILTER_WAITED:
        return set_waited(&l->f, o);
    case OPT_FILTER_ASKED:
        l->f.asked = true;
        return 0;
    case OPT_FILTER_SINCE:
        return set_time(o, "since", &l->f.since_ns);
    case OPT_FILTER_UNTIL:
        return set_time(o, "until", &l->f.until_ns);
    default:
        return r;
    }
}

int
log_filter_option(struct log_filter *l, struct options *o, int c)
{
    if (c < OPT_FILTER_DECISION || c > OPT_FILTER_UNTIL)
        return 0;
    l->used = true;
    return set_option(l, o, c) < 0 ? -EINVAL : 1;
}

int
log_filter_finish(struct log_filter *l, struct options *o)
{
    for (size_t i = 0; i < ARRAY_SIZE(word_options); i++) {
        const struct word_option *w = &word_options[i];
        const struct filter_words *words = words_of(l, w);
        unsigned *mask = (unsigned *)((char *)&l->f + w->result);
        if (!words->wanted && !words->unwanted)
            continue;
        *mask = (words->wanted ? words->wanted : (1u << w->max) - 1) & ~words->unwanted;
        if (!*mask) {
            options_error(o, "--%s leaves nothing to show", w->name);
            return -EINVAL;
        }
    }
    for (size_t i = 0; i < ARRAY_SIZE(list_options); i++) {
        const struct list_option *row = &list_options[i];
        *(struct pattern **)((char *)&l->f + row->result) =
            ((struct filter_list *)((char *)l + row->list))->list;
    }
    l->f.greps = l->greps;
    return 0;
}

// The next word, its quotes taken away; a blank inside quotes is part of it. NULL at the end.
static char *
next_word(char **rest)
{
    char *p = *rest, quote = 0;
    while (*p == ' ')
        p++;
    char *word = p, *to = p;
    if (!*p)
        return NULL;
    for (; *p && (quote || *p != ' '); p++) {
        if (quote ? *p == quote : *p == '\'' || *p == '"')
            quote = quote ? 0 : *p;
        else
            *to++ = *p;
    }
    *rest = p + (*p != 0);
    *to = 0;
    return word;
}

static int
add_key(struct log_filter *l, struct options *o, char *word)
{
    static const struct option_row rows[] = {LOG_FILTER_ROWS, {0}};
    char *colon = strchr(word, ':');
    size_t n = colon ? (size_t)(colon - word) : strlen(word);
    for (const struct option_row *r = rows; r->id; r++) {
        if (strlen(r->name) != n || strncmp(r->name, word, n) != 0 || !r->arg != !colon)
            continue;
        o->arg = colon ? colon + 1 : NULL;
        return log_filter_option(l, o, r->id);
    }
    // A word that is no key is looked for; one that looks like a key was meant as one.
    if (colon && n && strspn(word, "abcdefghijklmnopqrstuvwxyz") == n) {
        cleanup_free char *shown = display_str(word, 0);
        options_error(o, "%s: no such filter (op:, path:, decision:, ... grep:TEXT)", shown);
        return -EINVAL;
    }
    o->arg = word;
    return log_filter_option(l, o, OPT_FILTER_GREP);
}

int
log_filter_words(struct log_filter *l, char *words, struct buf *why)
{
    static const struct options_help no_help = {.synopsis = "nono log"};
    struct options o = {.help = &no_help, .said = why};
    for (char *word; (word = next_word(&words));)
        if (add_key(l, &o, word) < 0)
            return -EINVAL;
    return log_filter_finish(l, &o);
}

void
log_filter_done(struct log_filter *l)
{
    for (size_t i = 0; i < l->greps_n; i++)
        matcher_free(l->greps[i]);
    free(l->greps);
    for (size_t i = 0; i < ARRAY_SIZE(list_options); i++)
        free(((struct filter_list *)((char *)l + list_options[i].list))->list);
}
