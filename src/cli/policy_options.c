// SPDX-License-Identifier: Apache-2.0
#include "policy_options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bounds.h"
#include "display.h"
#include "registry.h"
#include "util.h"

static const char *const workdir_words[] = {"none", "read", "write", "readwrite", NULL};

void
policy_args_done(struct policy_args *a)
{
    capability_set_done(&a->set);
    profile_done(&a->profile);
}

static int
add_capability(struct policy_args *a, int opt, const char *value, struct err *err)
{
    struct capability_set *s = &a->set;
    unsigned rw = ACCESS_READ | ACCESS_WRITE;
    switch (opt) {
    case 'a':
        return capability_add_path(s, CAPABILITY_SUBTREE, rw, value, "--allow", err);
    case 'r':
        return capability_add_path(s, CAPABILITY_SUBTREE, ACCESS_READ, value, "--read", err);
    case 'w':
        return capability_add_path(s, CAPABILITY_SUBTREE, ACCESS_WRITE, value, "--write", err);
    case OPT_ALLOW_FILE:
        return capability_add_path(s, CAPABILITY_FILE, rw, value, "--allow-file", err);
    case OPT_READ_FILE:
        return capability_add_path(s, CAPABILITY_FILE, ACCESS_READ, value, "--read-file", err);
    case OPT_WRITE_FILE:
        return capability_add_path(s, CAPABILITY_FILE, ACCESS_WRITE, value, "--write-file", err);
    case OPT_DENY:
        return capability_deny(s, value, 0, "--deny", err);
    default:
        return -ENOENT;
    }
}

int
policy_option(struct policy_args *a, struct options *o, int opt, struct err *err)
{
    if (opt == OPT_WORKDIR)
        return a->workdir = options_word(o, workdir_words);
    if (opt != 'p')
        return add_capability(a, opt, o->arg, err);
    if (a->profile_name)
        return err_set(err, -EINVAL, "--profile is given twice (a profile can extend others)");
    a->profile_name = o->arg;
    return 0;
}

static int
add_workdir(struct policy_args *a, const char *cwd, const char *home, struct err *err)
{
    static const unsigned access[] = {0, ACCESS_READ, ACCESS_WRITE, ACCESS_READ | ACCESS_WRITE};
    const struct profile_item *item = profile_last(&a->profile, PROFILE_WORKDIR_ACCESS);
    const char *source = "--workdir-access";
    int which = a->workdir;
    if (which < 0 && item) {
        which = (int)item->number;
        source = item->source;
    } else if (which < 0) {
        which = cwd && (strcmp(cwd, "/") == 0 || (home && strcmp(cwd, home) == 0))
                    ? WORKDIR_NONE
                    : WORKDIR_READWRITE;
        source = "workdir";
    }
    if (!cwd || !access[which])
        return 0;
    return capability_add_path(&a->set, CAPABILITY_SUBTREE, access[which], cwd, source, err);
}

// I7: our own state, configuration and runtime directories, and the database wherever it is.
static void
protect_own(struct capability_set *s, const char *db)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal", ".key"};
    char *dirs[] = {registry_state_dir(), registry_runtime_dir(), registry_config_dir()};
    for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
        if (dirs[i])
            capability_protect(s, dirs[i]);
        free(dirs[i]);
    }
    for (size_t i = 0; db && i < ARRAY_SIZE(suffixes); i++) {
        cleanup_free char *file = xasprintf("%s%s", db, suffixes[i]);
        capability_protect(s, file);
    }
}

void
policy_env_init(struct policy_env *e)
{
    const char *home = getenv("HOME"), *tmpdir = getenv("TMPDIR");
    cleanup_free char *config = registry_config_dir();
    e->workdir = getcwd(NULL, 0);
    e->home = home ? realpath(home, NULL) : NULL;
    e->dir = config ? xasprintf("%s/profiles", config) : NULL;
    e->env = (struct profile_env){.home = e->home,
                                  .workdir = e->workdir,
                                  .tmpdir = tmpdir && tmpdir[0] == '/' ? tmpdir : NULL,
                                  .dir = e->dir};
}

void
policy_env_done(struct policy_env *e)
{
    free(e->home);
    free(e->workdir);
    free(e->dir);
}

static int
complete(struct policy_args *a, const struct profile_env *env, struct err *err)
{
    int ret = profile_load(&a->profile, a->profile_name ? a->profile_name : "default", env, err);
    if (ret == 0)
        ret = profile_apply(&a->profile, env, &a->set, err);
    return ret < 0 ? ret : add_workdir(a, env->workdir, env->home, err);
}

// Where the sandbox could reach another name of what is refused.
static bool
find_names(struct capability_set *s)
{
    size_t budget = NONO_NAMES_MAX;
    bool all = true;
    for (size_t i = 0; i < s->n; i++) {
        const struct capability *c = &s->caps[i];
        // No file of a disk has a name there.
        if (!path_is_below(c->path, "/proc") && !path_is_below(c->path, "/sys"))
            all &= denials_find_names(&s->denials, c->path, &budget);
    }
    return all;
}

int
policy_complete(struct policy_args *a, const char *db, struct err *err)
{
    struct policy_env e;
    policy_env_init(&e);
    int ret = complete(a, &e.env, err);
    policy_env_done(&e);
    if (ret < 0)
        return ret;
    protect_own(&a->set, db);
    // I4: the user's other terminals; the supervisor serves the session's own.
    capability_protect(&a->set, "/dev/pts");
    a->names_found = find_names(&a->set);
    capability_set_seal(&a->set);
    return 0;
}

// A sandbox that writes its own policy has the next session.
static void
warn_of_writable(const struct policy_args *a)
{
    for (size_t i = 0; i < a->profile.n_loaded; i++) {
        struct judgement j;
        const char *path = a->profile.loaded[i];
        if (path[0] != '/')
            continue;
        capability_judge(&a->set, path, &j);
        cleanup_free char *shown = display_str(path, DISPLAY_QUOTE);
        if (!j.protected_ && j.access & ACCESS_WRITE)
            fprintf(stderr, "nono: warning: %s can be changed by the sandbox that it describes\n",
                    shown);
    }
}

const char *
policy_starts_nothing(const struct capability_set *s)
{
    cleanup_free char *shell = realpath("/bin/sh", NULL);
    if (!shell || capability_giving(s, shell, ACCESS_READ, true))
        return NULL;
    return "the system's programs cannot be read, so hardly any will start: "
           "\"extends\": \"default\" allows them";
}

void
policy_warn(const struct policy_args *a)
{
    policy_print_warnings(&a->profile);
    if (!a->names_found)
        fputs("nono: warning: not all names of a denied file with hard links could be looked for: "
              "one inside an allowed directory is no safe place for it\n",
              stderr);
    warn_of_writable(a);
    const char *nothing = policy_starts_nothing(&a->set);
    if (nothing)
        fprintf(stderr, "nono: warning: %s\n", nothing);
}

void
policy_print_warnings(const struct profile *p)
{
    const char *line = buf_str(&p->warnings);
    for (size_t n; *line; line += n + 1) {
        n = strcspn(line, "\n");
        fprintf(stderr, "nono: warning: %.*s\n", (int)n, line);
    }
}
