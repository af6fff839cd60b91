// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "bounds.h"
#include "builtin.h"
#include "display.h"
#include "profile.h"
#include "util.h"

#define BUILTIN_PREFIX "built in: "

// The profiles that are being loaded, each asked for by the next one up.
struct loading {
    const struct loading *up;
    const char *identity;
    unsigned depth;
};

struct found {
    char *identity;      /* canonical path or "built in: NAME" */
    char *shown;         /* what messages call it */
    char *base;          /* what items call it: "shop.json" */
    const char *builtin; /* its text, or NULL */
    size_t len;          /* of it */
};

static void
found_done(struct found *f)
{
    free(f->identity);
    free(f->shown);
    free(f->base);
    *f = (struct found){0};
}

static bool
is_file_name(const char *name)
{
    size_t n = strlen(name);
    return strchr(name, '/') || (n > 5 && strcmp(name + n - 5, ".json") == 0);
}

static bool
find_file(const char *path, struct found *f)
{
    f->identity = realpath(path, NULL);
    if (!f->identity)
        return false;
    f->shown = display_str(path, 0);
    f->base = xstrdup(strrchr(f->identity, '/') + 1);
    return true;
}

static bool
find_builtin(const char *name, struct found *f)
{
    const struct builtin_profile *b = builtin_profiles;
    while (b->name && strcmp(b->name, name) != 0)
        b++;
    if (!b->name)
        return false;
    f->identity = xasprintf(BUILTIN_PREFIX "%s", name);
    f->shown = xasprintf("%s.json (built in)", name);
    f->base = xasprintf("%s.json", name);
    f->builtin = b->text;
    f->len = b->len;
    return true;
}

// by: the file that extends it, or NULL. A relative path is taken from where that file is.
static int
find(const char *name, const char *by, const struct profile_env *env, struct found *f,
     struct err *err)
{
    cleanup_free char *shown = display_str(name, DISPLAY_QUOTE);
    cleanup_free char *path = NULL;
    if (is_file_name(name)) {
        const char *slash = by && by[0] == '/' ? strrchr(by, '/') : NULL;
        path = slash && name[0] != '/' ? xasprintf("%.*s/%s", (int)(slash - by), by, name)
                                       : xstrdup(name);
        return find_file(path, f) ? 0 : err_set(err, -errno, "%s: %s", shown, strerror(errno));
    }
    if (env->dir)
        path = xasprintf("%s/%s.json", env->dir, name);
    bool found = path && find_file(path, f);
    // The user's own "default" may be built on the one that it replaces.
    if (found && (!by || strcmp(by, f->identity) != 0))
        return 0;
    struct found builtin = {0};
    if (find_builtin(name, &builtin)) {
        found_done(f);
        *f = builtin;
        found = true;
    }
    if (found)
        return 0;
    return err_set(err, -ENOENT,
                   "no profile named %s (see \"nono profile list\"; a file has a slash)", shown);
}

static int load_one(struct profile *p, const char *name, const struct profile_env *env,
                    const struct loading *up, const char *source, struct err *err);

static int
load_extended(struct profile *p, struct profile *own, const struct profile_env *env,
              const struct loading *here, struct err *err)
{
    for (size_t i = 0; i < own->n; i++) {
        if (own->items[i].key != PROFILE_EXTENDS)
            continue;
        int ret = load_one(p, own->items[i].value, env, here, own->items[i].source, err);
        if (ret < 0)
            return ret;
    }
    return 0;
}

// Moves what from holds behind what p holds.
static void
move_items(struct profile *p, struct profile *from)
{
    if (from->n) {
        p->items = xrealloc(p->items, (p->n + from->n) * sizeof *p->items);
        memcpy(p->items + p->n, from->items, from->n * sizeof *p->items);
        p->n += from->n;
        from->n = 0;
    }
    if (from->warnings.len)
        buf_add(&p->warnings, from->warnings.data, from->warnings.len);
}

static bool
was_loaded(const struct profile *p, const char *identity)
{
    for (size_t i = 0; i < p->n_loaded; i++)
        if (strcmp(p->loaded[i], identity) == 0)
            return true;
    return false;
}

static int
read_found(const struct found *f, struct profile *own, struct err *err)
{
    if (f->builtin) {
        int ret = profile_parse(own, f->builtin, f->len, f->shown, f->base, err);
        for (size_t i = 0; i < own->n; i++)
            own->items[i].builtin = true;
        return ret;
    }
    cleanup_free char *text = NULL;
    ssize_t n = read_file_at(AT_FDCWD, f->identity, NONO_PROFILE_MAX, &text);
    if (n < 0)
        return err_set(err, (int)n, "%s: %s", f->shown, strerror((int)-n));
    return profile_parse(own, text, (size_t)n, f->shown, f->base, err);
}

static int
load_found(struct profile *p, struct found *f, const struct profile_env *env,
           const struct loading *up, const char *source, struct err *err)
{
    struct loading here = {up, f->identity, up ? up->depth + 1 : 0};
    for (const struct loading *l = up; l; l = l->up)
        if (strcmp(l->identity, f->identity) == 0)
            return err_set(err, -ELOOP, "%s: %s extends itself", source, f->shown);
    if (here.depth > NONO_EXTENDS_MAX)
        return err_set(err, -ELOOP, "%s: more than %d profiles in a row", source, NONO_EXTENDS_MAX);
    if (was_loaded(p, f->identity))
        return 0;
    cleanup_profile struct profile own = {0};
    int ret = read_found(f, &own, err);
    if (ret == 0)
        ret = load_extended(p, &own, env, &here, err);
    if (ret < 0)
        return ret;
    move_items(p, &own);
    p->loaded = xrealloc(p->loaded, (p->n_loaded + 1) * sizeof *p->loaded);
    p->loaded[p->n_loaded++] = steal_pointer(&f->identity);
    return 0;
}

// source: the line that extends it, or NULL.
static int
load_one(struct profile *p, const char *name, const struct profile_env *env,
         const struct loading *up, const char *source, struct err *err)
{
    struct found f = {0};
    struct err why = {0};
    int ret = find(name, up ? up->identity : NULL, env, &f, &why);
    if (ret == 0)
        ret = load_found(p, &f, env, up, source, err);
    else
        err_set(err, ret, "%s%s%s", source ? source : "", source ? ": " : "", why.msg);
    err_done(&why);
    found_done(&f);
    return ret;
}

int
profile_load(struct profile *p, const char *name, const struct profile_env *env, struct err *err)
{
    return load_one(p, name, env, NULL, NULL, err);
}

const char *
profile_identity(const struct profile *p)
{
    const char *last = p->n_loaded ? p->loaded[p->n_loaded - 1] : NULL;
    return last && last[0] != '/' ? last + strlen(BUILTIN_PREFIX) : last;
}

static int
compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

char **
profile_names(const struct profile_env *env)
{
    size_t n = 0;
    char **names = NULL;
    DIR *dir = env->dir ? opendir(env->dir) : NULL;
    for (struct dirent *e; dir && (e = readdir(dir));) {
        size_t len = strlen(e->d_name);
        if (!is_file_name(e->d_name) || e->d_name[0] == '.')
            continue;
        names = xrealloc(names, (n + 1) * sizeof *names);
        names[n++] = xstrndup(e->d_name, len - 5);
    }
    if (dir)
        closedir(dir);
    if (n)
        qsort(names, n, sizeof *names, compare_names);
    for (const struct builtin_profile *b = builtin_profiles; b->name; b++) {
        names = xrealloc(names, (n + 1) * sizeof *names);
        names[n++] = xstrdup(b->name);
    }
    names = xrealloc(names, (n + 1) * sizeof *names);
    names[n] = NULL;
    return names;
}
