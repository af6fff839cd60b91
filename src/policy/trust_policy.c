// SPDX-License-Identifier: Apache-2.0
#include "trust_policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "display.h"
#include "util.h"

static const char *const default_patterns[] = {
    "CLAUDE.md", "AGENTS.md", "GEMINI.md", ".cursorrules", ".claude/**", ".codex/**", "SKILL.md",
};

static const char *const system_dirs[] = {
    "/usr",    "/bin", "/sbin", "/lib",  "/lib32", "/lib64",
    "/libx32", "/opt", "/etc",  "/proc", "/sys",   "/dev",
};

void
trust_policy_done(struct trust_policy *p)
{
    for (size_t i = 0; i < p->n; i++)
        free(p->patterns[i].text);
    free(p->patterns);
    free(p->signers);
    buf_done(&p->signers_paths);
    buf_done(&p->warnings);
    *p = (struct trust_policy){0};
}

bool
trust_is_system(const char *path)
{
    // Anybody writes there.
    if (path_is_below(path, "/dev/shm"))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(system_dirs); i++)
        if (path_is_below(path, system_dirs[i]))
            return true;
    return false;
}

static bool
is_dots(struct glob_part part)
{
    return part.text[0] == '.' && (part.len == 1 || (part.len == 2 && part.text[1] == '.'));
}

// Why no file can have such a path; NULL when one can.
static const char *
split_pattern(struct trust_pattern *t)
{
    const char *p = t->text;
    t->anchored = *p == '/';
    p += t->anchored;
    for (;;) {
        struct glob_part part = {p, strcspn(p, "/")};
        if (t->n_parts == TRUST_PARTS_MAX)
            return "it has too many components";
        if (part.len == 0)
            return *p ? "a component is empty" : "it ends in a slash, or is empty";
        if (is_dots(part))
            return "paths have no \".\" and \"..\"";
        const char *fault = glob_fault(part.text, part.len);
        if (fault)
            return fault;
        t->parts[t->n_parts++] = part;
        if (!p[part.len])
            break;
        p += part.len + 1;
    }
    return t->anchored && trust_is_system(t->text) ? "nothing is verified below system directories"
                                                   : NULL;
}

// The byte behind a component is a slash or the end.
static void
add_beginning(struct trust_policy *p, struct glob_part part)
{
    bool open = false;
    for (size_t i = 0; i < ARRAY_SIZE(p->begins); i++) {
        unsigned char c = i < part.len ? (unsigned char)part.text[i] : '/';
        open |= strchr("*?[\\", c) != NULL;
        if (open)
            memset(p->begins[i], true, sizeof p->begins[i]);
        p->begins[i][c] = true;
        p->begins[i][0] |= c == '/';
    }
}

void
trust_add_pattern(struct trust_policy *p, const char *pattern, const char *source)
{
    struct trust_pattern t = {.text = xstrdup(pattern)};
    const char *why = p->n < TRUST_PATTERNS_MAX ? split_pattern(&t) : "there are too many patterns";
    if (why) {
        cleanup_free char *shown = display_str(pattern, DISPLAY_QUOTE);
        buf_printf(&p->warnings, "%s: the pattern %s matches nothing: %s\n", source,
                   *shown ? shown : "\"\"", why);
        free(t.text);
        return;
    }
    p->patterns = xrealloc(p->patterns, (p->n + 1) * sizeof *p->patterns);
    p->patterns[p->n++] = t;
    add_beginning(p, t.parts[0]);
}

void
trust_add_defaults(struct trust_policy *p)
{
    for (size_t i = 0; i < ARRAY_SIZE(default_patterns); i++)
        trust_add_pattern(p, default_patterns[i], "default");
}

// Bit i of the states: the first i parts have matched what was walked so far. A "**" stays where it
// is or goes on.
static bool
pattern_matches(const struct trust_pattern *t, const char *path)
{
    unsigned done = 1u << t->n_parts, states = 1, start = 1;
    if (t->anchored && path[0] != '/')
        return false;
    for (;;) {
        path += strspn(path, "/");
        size_t n = strcspn(path, "/");
        if (n == 0)
            return states & done;
        unsigned next = 0;
        for (size_t i = 0; i < t->n_parts; i++) {
            if (!(states >> i & 1))
                continue;
            if (glob_is_any(t->parts[i]))
                next |= 1u << i | 1u << (i + 1);
            else if (glob_matches(t->parts[i], path, n))
                next |= 1u << (i + 1);
        }
        states = next | (t->anchored ? 0 : start);
        if (states == 0)
            return false;
        path += n;
    }
}

// May any component begin a match? For nearly all paths none does.
static bool
may_match(const struct trust_policy *p, const char *path)
{
    bool start = true;
    for (const char *at = path; *at; start = *at++ == '/')
        if (start && p->begins[0][(unsigned char)at[0]] && p->begins[1][(unsigned char)at[1]])
            return true;
    return false;
}

bool
trust_matches(const struct trust_policy *p, const char *path)
{
    if (!may_match(p, path))
        return false;
    for (size_t i = 0; i < p->n; i++)
        if (pattern_matches(&p->patterns[i], path))
            return true;
    return false;
}

bool
trust_applies(const struct trust_policy *p, bool written, const char *path)
{
    bool own = trust_matches(p, path);
    return (own || written) && (!trust_is_system(path) || !own);
}

int
trust_carve(const struct trust_policy *p, struct capability_set *s, struct err *err)
{
    for (size_t i = 0; i < s->n && p->enforcement == TRUST_DENY && p->n; i++) {
        struct capability *c = &s->caps[i];
        bool system = trust_is_system(c->path);
        if (system && c->kind == CAPABILITY_SUBTREE && c->access & ACCESS_WRITE &&
            !path_is_below(c->path, "/dev") && !path_is_below(c->path, "/proc")) {
            cleanup_free char *shown = display_str(c->path, DISPLAY_QUOTE);
            return err_set(err, -EINVAL,
                           "%s%s%s: instruction files cannot be verified below a system directory "
                           "(--trust warn starts without)",
                           c->source, source_gap(c->source), shown);
        }
        if (system || !(c->access & ACCESS_READ) ||
            (c->kind == CAPABILITY_FILE && !trust_matches(p, c->path)))
            continue;
        c->verified = c->holed = true;
    }
    return 0;
}
