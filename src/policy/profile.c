// SPDX-License-Identifier: Apache-2.0
// What the keys of a profile hold. Finding and joining files: profile_load.c.
#include "profile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "display.h"
#include "jsonc.h"
#include "util.h"

enum type { TEXT, TEXTS, PATHS, NAMES, WORD, FLAG, PORTS, ENDPOINTS };

#define KEY_ROW_(key, group, name, type, access) {group, name, type, access},
static const struct key_row {
    const char *group, *name;
    enum type type;
    unsigned access;
} key_rows[] = {PROFILE_KEY_LIST(KEY_ROW_)};

#define KEY_NAME_(key, group, name, type, access) &(group "." name)[sizeof group == 1],
static const char *const key_names[] = {PROFILE_KEY_LIST(KEY_NAME_)};

static const char *const *
words_of(enum profile_key key)
{
    static const char *const workdir[] = {"none", "read", "write", "readwrite", NULL};
    static const char *const exec[] = {"allow", "ask", NULL};
    static const char *const trust[] = {"deny", "warn", "audit", NULL};
    return key == PROFILE_WORKDIR_ACCESS ? workdir : key == PROFILE_EXEC ? exec : trust;
}

const char *
profile_key_name(enum profile_key key)
{
    return key_names[key];
}

bool
profile_key_is_list(enum profile_key key)
{
    enum type type = key_rows[key].type;
    return type != TEXT && type != WORD && type != FLAG;
}

bool
profile_key_expands(enum profile_key key)
{
    return key_rows[key].type == PATHS || key_rows[key].type == NAMES;
}

void
profile_done(struct profile *p)
{
    for (size_t i = 0; i < p->n; i++) {
        free(p->items[i].value);
        free(p->items[i].source);
    }
    for (size_t i = 0; i < p->n_loaded; i++)
        free(p->loaded[i]);
    free(p->items);
    free(p->loaded);
    buf_done(&p->warnings);
    *p = (struct profile){0};
}

// --- from the text to items --------------------------------------------------------------------

struct parser {
    struct profile *p;
    struct jsonc json;
    const char *name, *base;
    struct err *err;
};

static int
complain(struct parser *x, unsigned line, enum profile_key key, const char *what)
{
    return err_set(x->err, -EINVAL, "%s:%u: %s: %s", x->name, line, key_names[key], what);
}

static void
add_item(struct parser *x, enum profile_key key, unsigned line, char *value, uint64_t number)
{
    struct profile *p = x->p;
    p->items = xrealloc(p->items, (p->n + 1) * sizeof *p->items);
    p->items[p->n++] = (struct profile_item){
        .key = key, .value = value, .number = number, .source = xasprintf("%s:%u", x->base, line)};
}

// Length of the variable, or "~", that a path starts with; 0 for none.
static size_t
variable_length(const char *s)
{
    if (s[0] == '~')
        return 1;
    return s[0] == '$' ? 1 + strspn(s + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") : 0;
}

static const char *
path_fault(const char *s, bool names)
{
    size_t n = variable_length(s);
    if (!*s)
        return "an empty path";
    if (n && s[n] != '/' && s[n])
        return s[0] == '~' ? "the home of another user (~NAME) is not looked up: write its path"
                           : "a variable ends at a slash";
    if (s[0] == '$' && !(n == 5 && strncmp(s, "$HOME", n) == 0) &&
        !(n == 8 && strncmp(s, "$WORKDIR", n) == 0) && !(n == 7 && strncmp(s, "$TMPDIR", n) == 0))
        return "unknown variable (there are $HOME, $WORKDIR and $TMPDIR)";
    if (s[0] == '/' || n || (names && !strchr(s, '/')))
        return NULL;
    return names ? "a path starts with /, ~/, $HOME, $WORKDIR or $TMPDIR; a bare name has no slash"
                 : "a path starts with /, ~/, $HOME, $WORKDIR or $TMPDIR";
}

// "HOST:PORT", "[ADDRESS]:PORT"; PORT may be "*".
static bool
endpoint_port(const char *s, uint64_t *ret_port)
{
    const char *colon = strrchr(s, ':');
    if (!colon || colon == s || (s[0] == '[') != (colon[-1] == ']'))
        return false;
    *ret_port = 0;
    if (strcmp(colon, ":*") == 0)
        return true;
    size_t n = strlen(colon + 1);
    if (n < 1 || n > 5 || strspn(colon + 1, "0123456789") != n)
        return false;
    *ret_port = strtoull(colon + 1, NULL, 10);
    return *ret_port >= 1 && *ret_port <= 65535;
}

static int
parse_text(struct parser *x, enum profile_key key, const json_t *v, unsigned line)
{
    const char *s = json_string_value(v), *fault;
    uint64_t number = 0;
    if (!s)
        return complain(x, line, key, "wants text");
    switch (key_rows[key].type) {
    case PATHS:
    case NAMES:
        fault = path_fault(s, key_rows[key].type == NAMES);
        if (fault)
            return complain(x, line, key, fault);
        break;
    case ENDPOINTS:
        if (!endpoint_port(s, &number))
            return complain(x, line, key, "wants HOST:PORT or HOST:*");
        break;
    case WORD:
        for (const char *const *w = words_of(key); strcmp(*w, s) != 0; number++)
            if (!*++w)
                return complain(x, line, key,
                                key == PROFILE_WORKDIR_ACCESS ? "is none, read, write or readwrite"
                                : key == PROFILE_EXEC         ? "is allow or ask"
                                                              : "is deny, warn or audit");
        break;
    case TEXT:
    case TEXTS:
    case FLAG:
    case PORTS:
        break;
    }
    add_item(x, key, line, xstrdup(s), number);
    return 0;
}

static int
parse_number(struct parser *x, enum profile_key key, const json_t *v, unsigned line)
{
    json_int_t n = json_integer_value(v);
    if (key_rows[key].type == FLAG && !json_is_boolean(v))
        return complain(x, line, key, "is true or false");
    if (key_rows[key].type == FLAG)
        n = json_is_true(v);
    else if (!json_is_integer(v) || n < 1 || n > 65535)
        return complain(x, line, key, "a port is a number from 1 to 65535");
    add_item(x, key, line, xasprintf("%lld", (long long)n), (uint64_t)n);
    return 0;
}

static int
parse_one(struct parser *x, enum profile_key key, const json_t *v)
{
    unsigned line = jsonc_line(&x->json);
    enum type type = key_rows[key].type;
    return type == FLAG || type == PORTS ? parse_number(x, key, v, line)
                                         : parse_text(x, key, v, line);
}

static int
parse_value(struct parser *x, enum profile_key key, const json_t *v)
{
    if (!profile_key_is_list(key) || (key == PROFILE_EXTENDS && json_is_string(v)))
        return parse_one(x, key, v);
    unsigned line = jsonc_line(&x->json);
    if (!json_is_array(v))
        return complain(x, line, key, "wants a list: [ ... ]");
    for (size_t i = 0; i < json_array_size(v); i++) {
        int ret = parse_one(x, key, json_array_get(v, i));
        if (ret < 0)
            return ret;
    }
    return 0;
}

static bool
is_group(const char *name)
{
    for (size_t i = 0; i < _PROFILE_KEY_MAX; i++)
        if (*name && strcmp(key_rows[i].group, name) == 0)
            return true;
    return false;
}

static int
find_key(const char *group, const char *name)
{
    for (int i = 0; i < _PROFILE_KEY_MAX; i++)
        if (strcmp(key_rows[i].group, group) == 0 && strcmp(key_rows[i].name, name) == 0)
            return i;
    return -1;
}

// group is "" for the whole file.
static int
parse_object(struct parser *x, const char *group, const json_t *object)
{
    const char *name;
    json_t *v;
    unsigned line = jsonc_line(&x->json);
    if (!json_is_object(object))
        return err_set(x->err, -EINVAL, "%s:%u: %s%swants an object: { ... }", x->name, line, group,
                       *group ? ": " : "a profile ");
    json_object_foreach((json_t *)object, name, v)
    {
        line = jsonc_line(&x->json);
        int key = find_key(group, name), ret = 0;
        if (key >= 0) {
            ret = parse_value(x, (enum profile_key)key, v);
        } else if (!*group && is_group(name)) {
            ret = parse_object(x, name, v);
        } else {
            cleanup_free char *shown = display_str(name, 0);
            buf_printf(&x->p->warnings, "%s:%u: unknown key \"%s%s%s\"\n", x->name, line, group,
                       *group ? "." : "", shown);
            jsonc_skip(&x->json, v);
        }
        if (ret < 0)
            return ret;
    }
    return 0;
}

int
profile_parse(struct profile *p, const char *text, size_t len, const char *name, const char *base,
              struct err *err)
{
    struct parser x = {.p = p, .name = name, .base = base, .err = err};
    int ret = jsonc_parse(text, len, name, &x.json, err);
    if (ret < 0)
        return ret;
    ret = parse_object(&x, "", x.json.root);
    jsonc_done(&x.json);
    return ret;
}

// --- what the items mean -----------------------------------------------------------------------

const struct profile_item *
profile_last(const struct profile *p, enum profile_key key)
{
    for (size_t i = p->n; i-- > 0;)
        if (p->items[i].key == key)
            return &p->items[i];
    return NULL;
}

// bare: a name that is refused wherever it turns up in the project. Else s is absolute, or starts
// with a variable.
static int
expand(const char *s, bool bare, const char *source, const struct profile_env *env, char **ret_path,
       size_t *ret_fixed, struct err *err)
{
    size_t n = variable_length(s);
    const char *to = s[0] == '~' || strncmp(s, "$H", 2) == 0 ? env->home
                     : strncmp(s, "$T", 2) == 0              ? env->tmpdir
                                                             : env->workdir;
    if (!n && !bare)
        to = "";
    if (!to)
        return err_set(err, -ENOENT, "%s: %.*s is not known", source, n ? (int)n : 8,
                       n ? s : "$WORKDIR");
    if (ret_fixed)
        *ret_fixed = strlen(to);
    *ret_path = xasprintf("%s%s%s", strcmp(to, "/") || !(bare || s[n]) ? to : "",
                          bare ? "/**/" : "", s + n);
    return 1;
}

int
profile_expand(const struct profile_item *item, const struct profile_env *env, char **ret_path,
               size_t *ret_fixed, struct err *err)
{
    const char *s = item->value;
    if (!env->tmpdir && strncmp(s, "$T", 2) == 0)
        return 0;
    return expand(s, variable_length(s) == 0 && s[0] != '/', item->source, env, ret_path, ret_fixed,
                  err);
}

int
profile_expand_option(const char *value, bool names, const char *source,
                      const struct profile_env *env, char **ret_path, size_t *ret_fixed,
                      struct err *err)
{
    size_t n = variable_length(value);
    const char *fault = n ? path_fault(value, names) : NULL;
    bool bare = names && !n && value[0] && !strchr(value, '/') && strcmp(value, ".") != 0 &&
                strcmp(value, "..") != 0;
    cleanup_free char *shown = display_str(value, DISPLAY_QUOTE);
    cleanup_free char *named = xasprintf("%s %s", source, shown);
    if (fault)
        return err_set(err, -EINVAL, "%s: %s; a file of that name is ./%s", named, fault, shown);
    int ret = expand(value, bare, named, env, ret_path, ret_fixed, err);
    return ret < 0 ? ret : 0;
}

int
profile_apply(const struct profile *p, const struct profile_env *env, struct capability_set *s,
              struct err *err)
{
    for (size_t i = 0; i < p->n; i++) {
        const struct profile_item *item = &p->items[i];
        const struct key_row *row = &key_rows[item->key];
        cleanup_free char *path = NULL;
        size_t fixed;
        if (!row->access && item->key != PROFILE_DENY)
            continue;
        int ret = profile_expand(item, env, &path, &fixed, err);
        if (ret > 0 && item->key == PROFILE_DENY)
            ret = capability_deny(s, path, fixed, item->source, err);
        else if (ret > 0)
            ret = capability_add_present(s, row->access, path, item->source, err);
        if (ret < 0)
            return ret;
    }
    return 0;
}
