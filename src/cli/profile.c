// SPDX-License-Identifier: Apache-2.0
// nono profile
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "display.h"
#include "policy_options.h"
#include "profile_from_session.h"
#include "util.h"

enum { OPT_JSON = OPTIONS_LONG, OPT_JSONL };

static const struct option_row profile_rows[] = {
    {OPT_JSON, "json", NULL, "list, show: one JSON array"},
    {OPT_JSONL, "jsonl", NULL, "list, show: one JSON object per line"},
    {0},
};

static const struct options_help profile_help = {
    .synopsis = "nono profile list | show NAME|FILE | check FILE | from-session [SESSION]",
    .about = "list: the profiles that can be given by name.\n"
             "show: what a profile comes to, with the file and line of each word of it.\n"
             "check: says what is wrong with a profile; ends with 1 when it can't be used.\n"
             "from-session: what people decided, as a profile (from-session --help).",
    .rows = profile_rows,
    .more = "NAME is looked for in $XDG_CONFIG_HOME/nono/profiles and then among the built-in\n"
            "ones; what holds a slash or ends in \".json\" is a file. See nono-profile(5).",
};

enum form { FORM_PLAIN, FORM_JSON, FORM_JSONL };

// Prints one object of a listing; takes it over.
static void
print_object(enum form form, json_t *object, bool first)
{
    cleanup_free char *text = json_dumps(object, JSON_COMPACT);
    printf("%s%s", form == FORM_JSONL ? "" : first ? "[" : ",\n", text ? text : "{}");
    if (form == FORM_JSONL)
        putchar('\n');
    json_decref(object);
}

static void
print_end(enum form form, bool any)
{
    if (form == FORM_JSON)
        puts(any ? "]" : "[]");
}

// --- list --------------------------------------------------------------------------------------

static int
list(const struct profile_env *env, enum form form)
{
    char **names = profile_names(env);
    const char *before = "";
    bool any = false;
    for (char **n = names; *n; n++) {
        cleanup_profile struct profile p = {0};
        cleanup_err struct err err = {0};
        // The user's own comes first, and hides a built-in one.
        if (n > names && strcmp(n[0], before) == 0)
            continue;
        before = *n;
        int ret = profile_load(&p, *n, env, &err);
        const struct profile_item *about = profile_last(&p, PROFILE_META_DESCRIPTION);
        const char *from = p.n_loaded ? p.loaded[p.n_loaded - 1] : "?";
        cleanup_free char *name = display_str(*n, 0);
        cleanup_free char *text = display_str(about ? about->value : "", 0);
        cleanup_free char *file = display_str(from, 0);
        if (form == FORM_PLAIN)
            printf("%-16s %s\n", name, ret < 0 ? err.msg : text[0] ? text : file);
        else
            print_object(form,
                         json_pack("{s:s, s:s, s:s, s:s*}", "name", name, "from", file,
                                   "description", text, "error", ret < 0 ? err.msg : NULL),
                         !any);
        any = true;
    }
    for (char **n = names; *n; n++)
        free(*n);
    free(names);
    print_end(form, any);
    return 0;
}

// --- show --------------------------------------------------------------------------------------

// The value as it counts now: with its variable in place. The caller frees it.
static char *
resolved_value(const struct profile_item *item, const struct profile_env *env)
{
    char *path = NULL;
    if (profile_key_expands(item->key) && profile_expand(item, env, &path, NULL, NULL) > 0)
        return path;
    if (item->key == PROFILE_NETWORK_BLOCK)
        return xstrdup(item->number ? "true" : "false");
    return xstrdup(item->value);
}

static bool
is_of_the_file(enum profile_key key)
{
    return key == PROFILE_EXTENDS || key == PROFILE_META_NAME || key == PROFILE_META_VERSION ||
           key == PROFILE_META_DESCRIPTION || key == PROFILE_META_AUTHOR;
}

static int
show(const struct profile *p, const struct profile_env *env, enum form form)
{
    bool any = false;
    for (size_t i = 0; i < p->n; i++) {
        const struct profile_item *item = &p->items[i];
        const char *key = profile_key_name(item->key);
        cleanup_free char *value = resolved_value(item, env);
        cleanup_free char *shown = display_str(value, 0);
        cleanup_free char *source = display_str(item->source, 0);
        cleanup_free char *written = display_str(item->value, 0);
        // What a profile says of itself does not go over to one that extends it; of what there is
        // one of, the last counts.
        bool meta = is_of_the_file(item->key);
        if (!profile_key_is_list(item->key) && item != profile_last(p, item->key))
            continue;
        if (form == FORM_PLAIN && !meta)
            printf("%-26s %-44s %s\n", key, shown, source);
        else if (form != FORM_PLAIN)
            print_object(form,
                         json_pack("{s:s, s:s, s:s, s:s}", "key", key, "value", shown, "written",
                                   written, "source", source),
                         !any);
        any = true;
    }
    print_end(form, any);
    return 0;
}

// --- check -------------------------------------------------------------------------------------

// What is no fault but hardly meant.
static unsigned
doubts(const struct profile *p, const struct profile_env *env, const struct capability_set *set)
{
    unsigned n = 0;
    for (size_t i = 0; i < p->n; i++) {
        const struct profile_item *item = &p->items[i];
        cleanup_free char *path = NULL;
        bool looked_for =
            profile_key_expands(item->key) && item->key != PROFILE_DENY && !item->builtin;
        if (!looked_for || profile_expand(item, env, &path, NULL, NULL) <= 0 ||
            access(path, F_OK) == 0)
            continue;
        cleanup_free char *shown = display_str(path, DISPLAY_QUOTE);
        cleanup_free char *source = display_str(item->source, 0);
        printf("%s: warning: %s: %s is not there\n", source, profile_key_name(item->key), shown);
        n++;
    }
    struct trust_policy trust = {0};
    for (size_t i = 0; i < p->n; i++)
        if (p->items[i].key == PROFILE_TRUST_PATTERNS)
            trust_add_pattern(&trust, p->items[i].value, p->items[i].source);
    const char *end;
    for (const char *line = buf_str(&trust.warnings); *line; line = end + 1, n++) {
        end = strchr(line, '\n');
        printf("warning: %.*s\n", (int)(end - line), line);
    }
    trust_policy_done(&trust);
    const char *nothing = policy_starts_nothing(set);
    if (nothing) {
        printf("warning: %s\n", nothing);
        n++;
    }
    return n;
}

static int
check(const char *name, const struct profile_env *env)
{
    cleanup_profile struct profile p = {0};
    cleanup_capability_set struct capability_set set = {0};
    cleanup_err struct err err = {0};
    cleanup_free char *shown = display_str(name, 0);
    int ret = profile_load(&p, name, env, &err);
    unsigned n = 0;
    for (const char *line = buf_str(&p.warnings); *line; line += strcspn(line, "\n") + 1, n++)
        printf("warning: %.*s\n", (int)strcspn(line, "\n"), line);
    if (ret == 0)
        ret = profile_apply(&p, env, &set, &err);
    if (ret < 0) {
        fprintf(stderr, "nono profile: %s\n", err.msg);
        return 1;
    }
    n += doubts(&p, env, &set);
    printf("%s: can be used, %u warning%s\n", shown, n, n == 1 ? "" : "s");
    return 0;
}

int
cmd_profile(int argc, char **argv)
{
    struct options o;
    enum form form = FORM_PLAIN;
    int c;
    if (argc > 1 && strcmp(argv[1], "from-session") == 0)
        return profile_from_session(argc - 1, argv + 1);
    options_init(&o, &profile_help, argc, argv);
    while ((c = options_next(&o)) >= 0)
        form = c == OPT_JSON ? FORM_JSON : FORM_JSONL;
    if (c != OPTIONS_END)
        return o.status;
    char **operands = argv + o.index;
    int n = argc - o.index;
    struct policy_env pe;
    policy_env_init(&pe);
    int status;
    cleanup_profile struct profile p = {0};
    cleanup_err struct err err = {0};
    if (n == 1 && strcmp(operands[0], "list") == 0) {
        status = list(&pe.env, form);
    } else if (n == 2 && strcmp(operands[0], "check") == 0) {
        status = check(operands[1], &pe.env);
    } else if (n == 2 && strcmp(operands[0], "show") == 0) {
        status = 1;
        if (profile_load(&p, operands[1], &pe.env, &err) < 0)
            fprintf(stderr, "nono profile: %s\n", err.msg);
        else
            status = show(&p, &pe.env, form);
        policy_print_warnings(&p);
    } else {
        status = options_error(&o, "list, show NAME, check FILE or from-session?");
    }
    policy_env_done(&pe);
    return status;
}
