// SPDX-License-Identifier: Apache-2.0
#include "plain_line.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "util.h"

#define WORD_MAX 64
#define FOR_MAX (30ull * 24 * 3600) /* seconds */

static const struct {
    const char *word;
    enum plain_verb verb;
} verbs[] = {
    {"allow", PLAIN_ALLOW},   {"deny", PLAIN_DENY},     {"show", PLAIN_SHOW},
    {"list", PLAIN_LIST},     {"grants", PLAIN_GRANTS}, {"revoke", PLAIN_REVOKE},
    {"freeze", PLAIN_FREEZE}, {"thaw", PLAIN_THAW},     {"help", PLAIN_HELP},
    {"quit", PLAIN_QUIT},     {"q", PLAIN_QUIT},
};

// The next word of *line, "" at the end or when it is too long to mean anything.
static void
next_word(const char **line, char ret_word[WORD_MAX])
{
    size_t n;

    *line += strspn(*line, " \t");
    n = strcspn(*line, " \t");
    memcpy(ret_word, *line, n < WORD_MAX ? n : 0);
    ret_word[n < WORD_MAX ? n : 0] = 0;
    *line += n;
}

static bool
parse_number(const char *word, uint64_t *ret_n)
{
    char *end;

    errno = 0;
    *ret_n = strtoull(word, &end, 10);
    return word[0] >= '0' && word[0] <= '9' && !*end && !errno && *ret_n > 0;
}

static bool
parse_id(const char *word, struct plain_line *l)
{
    const char *slash = strchr(word, '/');

    if (slash) {
        memcpy(l->session, word, (size_t)(slash - word));
        l->session[slash - word] = 0;
    }
    return parse_number(slash ? slash + 1 : word, &l->id);
}

// "90", "90s", "15m", "2h"
static bool
parse_duration(const char *word, uint64_t *ret_ns)
{
    char *end;
    uint64_t n = strtoull(word, &end, 10), unit = 1;

    if (*end == 'm')
        unit = 60;
    else if (*end == 'h')
        unit = 3600;
    if (*end == 's' || *end == 'm' || *end == 'h')
        end++;
    if (word[0] < '0' || word[0] > '9' || *end || n == 0 || n > FOR_MAX / unit)
        return false;
    *ret_ns = n * unit * NS_PER_SEC;
    return true;
}

static const char *
parse_how(const char *line, struct plain_line *l)
{
    char word[WORD_MAX];

    for (;;) {
        line += strspn(line, " \t");
        if (!*line)
            return NULL;
        next_word(&line, word);
        if (strcmp(word, "note") == 0) {
            l->note = line + strspn(line, " \t");
            return *l->note ? NULL : "a note has words";
        }
        if (strcmp(word, "for") == 0) {
            next_word(&line, word);
            l->scope = SCOPE_TIME;
            if (!parse_duration(word, &l->for_ns))
                return "for what time? (90s, 15m, 2h)";
        } else if (strcmp(word, "reach") == 0) {
            next_word(&line, word);
            l->reach = reach_from_string(word);
            if ((int)l->reach < 0)
                return "what reach? (object, dir, subtree, port, host)";
        } else if (strcmp(word, "program") == 0) {
            l->program = true;
        } else if (strcmp(word, "once") == 0 || strcmp(word, "session") == 0 ||
                   strcmp(word, "always") == 0) {
            l->scope = scope_from_string(word);
        } else {
            return "once, for TIME, session, always, reach WHAT, program or note TEXT can follow "
                   "the "
                   "number";
        }
    }
}

const char *
plain_parse(const char *line, struct plain_line *ret_line)
{
    struct plain_line l = {.verb = PLAIN_EMPTY, .scope = SCOPE_ONCE, .reach = _REACH_INVALID};
    char word[WORD_MAX];
    const char *wrong = NULL;
    size_t i = 0;

    *ret_line = l;
    line += strspn(line, " \t");
    if (!*line)
        return NULL;
    next_word(&line, word);
    while (i < ARRAY_SIZE(verbs) && strcmp(verbs[i].word, word) != 0)
        i++;
    if (i == ARRAY_SIZE(verbs))
        return "unknown word; \"help\" lists them";
    l.verb = verbs[i].verb;
    next_word(&line, word);
    switch (l.verb) {
    case PLAIN_ALLOW:
    case PLAIN_DENY:
        wrong = parse_id(word, &l) ? parse_how(line, &l) : "which request? (its number)";
        if (!wrong && l.verb == PLAIN_DENY && l.scope == SCOPE_TIME)
            wrong = "a denial counts once, for the session or always";
        line = "";
        break;
    case PLAIN_SHOW:
        wrong = parse_id(word, &l) ? NULL : "which request? (its number)";
        break;
    case PLAIN_REVOKE:
        wrong = parse_id(word, &l) ? NULL : "which grant? (its number)";
        break;
    case PLAIN_FREEZE:
    case PLAIN_THAW:
        memcpy(l.session, word, sizeof l.session);
        break;
    case PLAIN_EMPTY:
    case PLAIN_LIST:
    case PLAIN_GRANTS:
    case PLAIN_HELP:
    case PLAIN_QUIT:
        wrong = word[0] ? "nothing can follow this" : NULL;
        break;
    }
    if (!wrong && line[strspn(line, " \t")])
        wrong = "too many words";
    if (!wrong)
        *ret_line = l;
    return wrong;
}
