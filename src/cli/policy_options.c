// SPDX-License-Identifier: Apache-2.0
#include "policy_options.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bounds.h"
#include "display.h"
#include "keygen.h"
#include "registry.h"
#include "util.h"

static const char *const workdir_words[] = {"none", "read", "write", "readwrite", NULL};
static const char *const trust_words[] = {"deny", "warn", "audit", NULL};
static const char *const socket_words[] = {"ask", "allow", "block", NULL};

void
policy_args_done(struct policy_args *a)
{
    capability_set_done(&a->set);
    profile_done(&a->profile);
    socket_policy_done(&a->sockets);
    trust_policy_done(&a->trust_policy);
}

// What a path of an option names: variables that the shell has left alone (--deny=~/x) mean what
// they mean in a profile.
static int
option_path(const char *value, bool names, const char *option, char **ret_path, size_t *ret_fixed,
            struct err *err)
{
    struct policy_env e;
    policy_env_init(&e);
    int ret = profile_expand_option(value, names, option, &e.env, ret_path, ret_fixed, err);
    policy_env_done(&e);
    return ret;
}

static int
add_denial(struct policy_args *a, const char *value, struct err *err)
{
    cleanup_free char *path = NULL;
    size_t fixed;
    int ret = option_path(value, true, "--deny", &path, &fixed, err);
    return ret < 0 ? ret : capability_deny(&a->set, path, fixed, "--deny", err);
}

static int
add_capability(struct policy_args *a, int opt, const char *value, struct err *err)
{
    static const struct {
        int opt;
        enum capability_kind kind;
        unsigned access;
        const char *source;
    } rows[] = {
        {'a', CAPABILITY_SUBTREE, ACCESS_READ | ACCESS_WRITE, "--allow"},
        {'r', CAPABILITY_SUBTREE, ACCESS_READ, "--read"},
        {'w', CAPABILITY_SUBTREE, ACCESS_WRITE, "--write"},
        {OPT_ALLOW_FILE, CAPABILITY_FILE, ACCESS_READ | ACCESS_WRITE, "--allow-file"},
        {OPT_READ_FILE, CAPABILITY_FILE, ACCESS_READ, "--read-file"},
        {OPT_WRITE_FILE, CAPABILITY_FILE, ACCESS_WRITE, "--write-file"},
    };
    size_t i = 0;
    while (i < ARRAY_SIZE(rows) && rows[i].opt != opt)
        i++;
    if (i == ARRAY_SIZE(rows))
        return -ENOENT;
    cleanup_free char *path = NULL;
    int ret = option_path(value, false, rows[i].source, &path, NULL, err);
    return ret < 0 ? ret
                   : capability_add_path(&a->set, rows[i].kind, rows[i].access, path,
                                         rows[i].source, err);
}

static int
add_unix(struct policy_args *a, int opt, const char *value, struct err *err)
{
    static const char *const names[] = {
        "--allow-unix-socket",         "--allow-unix-socket-bind",
        "--allow-unix-socket-dir",     "--allow-unix-socket-dir-bind",
        "--allow-unix-socket-subtree", "--allow-unix-socket-subtree-bind"};
    int i = opt - OPT_UNIX;
    cleanup_free char *path = NULL;
    int ret = option_path(value, false, names[i], &path, NULL, err);
    return ret < 0 ? ret
                   : socket_policy_add_unix(&a->sockets, (enum unix_reach)(i / 2), i % 2, path,
                                            names[i], err);
}

static int
socket_option(struct policy_args *a, struct options *o, int opt, struct err *err)
{
    uint64_t port;
    int ret;
    switch (opt) {
    case OPT_NET:
        return a->net = options_word(o, socket_words);
    case OPT_UNIX_SOCKETS:
        return a->unix_sockets = options_word(o, socket_words);
    case OPT_CONNECT:
        return socket_policy_add_host(&a->sockets, o->arg, "--allow-connect", err);
    case OPT_BIND:
        return socket_policy_add_bind(&a->sockets, o->arg, "--allow-bind", err);
    case OPT_PROXY:
        ret = options_number(o, 1, 65535, &port);
        if (ret == 0)
            a->sockets.proxy_port = (uint16_t)port;
        return ret;
    default:
        return add_unix(a, opt, o->arg, err);
    }
}

int
policy_option(struct policy_args *a, struct options *o, int opt, struct err *err)
{
    if (opt == OPT_WORKDIR)
        return a->workdir = options_word(o, workdir_words);
    if (opt == OPT_TRUST)
        return a->trust = options_word(o, trust_words);
    if (opt == OPT_TRUST_SIGNERS) {
        a->signers = o->arg;
        return 0;
    }
    if (opt >= OPT_NET && opt <= OPT_UNIX_SUBTREE_BIND)
        return socket_option(a, o, opt, err);
    if (opt == OPT_DENY)
        return add_denial(a, o->arg, err);
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

// What links in one of our own directories lead to is our own as well: a profile, the signers.
static void
protect_links(struct capability_set *s, const char *dir, int depth)
{
    DIR *at = opendir(dir);
    for (struct dirent *e; at && (e = readdir(at));) {
        bool link = e->d_type == DT_LNK || e->d_type == DT_UNKNOWN;
        if ((!link && e->d_type != DT_DIR) || strcmp(e->d_name, ".") == 0 ||
            strcmp(e->d_name, "..") == 0)
            continue;
        cleanup_free char *path = xasprintf("%s/%s", dir, e->d_name);
        if (link)
            capability_protect(s, path);
        if (depth > 0)
            protect_links(s, path, depth - 1);
    }
    if (at)
        closedir(at);
}

void
policy_protect_own(struct capability_set *s, const char *db)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal", ".key", ".v1"};
    const char *home = getenv("HOME");
    // The usual places too: another session may look there where this one does not.
    char *dirs[] = {registry_state_dir(), registry_runtime_dir(), registry_config_dir(),
                    home ? xasprintf("%s/.config/nono", home) : NULL,
                    home ? xasprintf("%s/.local/state/nono", home) : NULL};
    for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
        bool again = false;
        for (size_t k = 0; dirs[i] && k < i; k++)
            again |= dirs[k] && strcmp(dirs[k], dirs[i]) == 0;
        if (dirs[i] && !again) {
            capability_protect(s, dirs[i]);
            protect_links(s, dirs[i], 1);
        }
    }
    for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
        free(dirs[i]);
    for (size_t i = 0; db && i < ARRAY_SIZE(suffixes); i++) {
        cleanup_free char *file = xasprintf("%s%s", db, suffixes[i]);
        capability_protect(s, file);
    }
    // I4: the user's other terminals; the supervisor serves the session's own.
    capability_protect(s, "/dev/pts");
    // Whose memory it answers for could make the supervisor wait for ever when it reads an
    // argument.
    capability_protect(s, "/dev/userfaultfd");
}

void
policy_env_init(struct policy_env *e)
{
    const char *tmpdir = getenv("TMPDIR");
    cleanup_free char *config = registry_config_dir();
    e->workdir = getcwd(NULL, 0);
    e->home = registry_home();
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

// A socket of a profile may be missing, like its files.
static int
add_profile_unix(struct socket_policy *p, const struct profile_item *item,
                 const struct profile_env *env, bool recorded, struct err *err)
{
    cleanup_free char *path = NULL;
    int i = (int)(item->key - PROFILE_UNIX_SOCKET);
    enum unix_reach reach = (enum unix_reach)(i / 2);
    int ret = profile_expand(item, env, &path, NULL, err);
    if (ret > 0 && recorded)
        return socket_policy_add_missing_unix(p, reach, i % 2, path, item->source, err);
    if (ret <= 0 || (access(path, F_OK) < 0 && errno == ENOENT && !(i % 2)))
        return ret < 0 ? ret : 0;
    return socket_policy_add_unix(p, reach, i % 2, path, item->source, err);
}

static int
add_profile_item(struct socket_policy *p, const struct profile_item *item,
                 const struct profile_env *env, bool recorded, struct err *err)
{
    if (item->key >= PROFILE_UNIX_SOCKET && item->key <= PROFILE_UNIX_SOCKET_SUBTREE_BIND)
        return add_profile_unix(p, item, env, recorded, err);
    if (item->key == PROFILE_CONNECT_PORT)
        socket_policy_add_port(p, (uint16_t)item->number, item->source);
    else if (item->key == PROFILE_LISTEN_PORT)
        return socket_policy_add_bind(p, item->value, item->source, err);
    else if (item->key == PROFILE_ALLOW_CONNECT)
        return socket_policy_add_host(p, item->value, item->source, err);
    return 0;
}

int
policy_profile_sockets(struct socket_policy *p, const struct profile *profile,
                       const struct profile_env *env, bool recorded, struct err *err)
{
    const struct profile_item *block = profile_last(profile, PROFILE_NETWORK_BLOCK);
    int ret = 0;
    for (size_t i = 0; i < profile->n && ret == 0; i++)
        ret = add_profile_item(p, &profile->items[i], env, recorded, err);
    p->net = block && block->number ? SOCKETS_BLOCK : SOCKETS_ASK;
    return ret;
}

// What every program asks when it looks a name up.
static void
add_resolver(struct socket_policy *p)
{
    static const char *const sockets[] = {"/run/systemd/resolve/io.systemd.Resolve",
                                          "/run/nscd/socket"};
    for (size_t i = 0; i < ARRAY_SIZE(sockets); i++) {
        cleanup_err struct err none = {0};
        socket_policy_add_unix(p, UNIX_FILE, false, sockets[i], "default", &none);
    }
}

static int
add_sockets(struct policy_args *a, const struct profile_env *env, struct err *err)
{
    int ret = policy_profile_sockets(&a->sockets, &a->profile, env, false, err);
    if (a->net >= 0)
        a->sockets.net = (enum socket_mode)a->net;
    a->sockets.unix_sockets =
        a->unix_sockets >= 0 ? (enum socket_mode)a->unix_sockets : SOCKETS_ASK;
    if (a->sockets.unix_sockets == SOCKETS_ASK && a->sockets.net != SOCKETS_BLOCK)
        add_resolver(&a->sockets);
    socket_policy_add_environment(&a->sockets, getenv);
    return ret;
}

char *
policy_default_signers(void)
{
    cleanup_free char *config = registry_config_dir();
    return config ? xasprintf("%s/allowed_signers", config) : NULL;
}

static int
load_profile(struct policy_args *a, const struct profile_env *env, struct err *err)
{
    int ret = profile_load(&a->profile, a->profile_name ? a->profile_name : "default", env, err);
    if (ret < 0 && a->profile_name)
        err_wrap(err, "--profile");
    return ret;
}

// Who may sign: the option, else the profile, else whom "nono trust allow-signer" has added.
static int
load_signers(struct policy_args *a, const struct profile_env *env, struct err *err)
{
    cleanup_free char *added = policy_default_signers();
    int ret = 0;
    if (a->signers) {
        ret = trust_load_signers(&a->trust_policy, a->signers, err);
        if (ret < 0)
            err_wrap(err, "--trust-signers");
        return ret;
    }
    if (!profile_last(&a->profile, PROFILE_TRUST_SIGNERS))
        return added && access(added, F_OK) == 0 ? trust_load_signers(&a->trust_policy, added, err)
                                                 : 0;
    for (size_t i = 0; i < a->profile.n && ret >= 0; i++) {
        cleanup_free char *path = NULL;
        const struct profile_item *item = &a->profile.items[i];
        if (item->key != PROFILE_TRUST_SIGNERS ||
            (ret = profile_expand(item, env, &path, NULL, err)) <= 0)
            continue;
        ret = trust_load_signers(&a->trust_policy, path, err);
        if (ret < 0)
            err_wrap(err, "%s", item->source);
    }
    return ret;
}

static int
add_trust(struct policy_args *a, const struct profile_env *env, struct err *err)
{
    struct trust_policy *t = &a->trust_policy;
    const struct profile_item *how = profile_last(&a->profile, PROFILE_TRUST_ENFORCEMENT);
    bool any = false;
    int ret = load_signers(a, env, err);
    if (ret < 0)
        return ret;
    for (size_t i = 0; i < a->profile.n; i++) {
        const struct profile_item *item = &a->profile.items[i];
        if (item->key != PROFILE_TRUST_PATTERNS)
            continue;
        trust_add_pattern(t, item->value, item->source);
        any = true;
    }
    if (!any)
        trust_add_defaults(t);
    t->enforcement = a->trust >= 0 ? a->trust
                     : how         ? (int)how->number
                     : t->signers  ? TRUST_DENY
                                   : TRUST_AUDIT;
    return 0;
}

static int
complete(struct policy_args *a, const struct profile_env *env, struct err *err)
{
    int ret = load_profile(a, env, err);
    if (ret == 0)
        ret = profile_apply(&a->profile, env, &a->set, err);
    if (ret == 0)
        ret = add_sockets(a, env, err);
    if (ret == 0)
        ret = add_trust(a, env, err);
    return ret < 0 ? ret : add_workdir(a, env->workdir, env->home, err);
}

// Where the sandbox could reach another name of what is refused.
static bool
find_names(struct capability_set *s)
{
    size_t budget = NONO_NAMES_MAX;
    bool all = true;
    if (!denials_have_names(&s->denials))
        return true;
    for (size_t i = 0; i < s->n; i++) {
        const struct capability *c = &s->caps[i];
        // No file of a disk has a name there.
        if (!path_is_below(c->path, "/proc") && !path_is_below(c->path, "/sys"))
            all &= denials_find_names(&s->denials, c->path, &budget);
    }
    return all;
}

int
policy_load_trust(struct policy_args *a, struct err *err)
{
    struct policy_env e;
    policy_env_init(&e);
    int ret = load_profile(a, &e.env, err);
    if (ret == 0)
        ret = add_trust(a, &e.env, err);
    policy_env_done(&e);
    return ret;
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
    policy_protect_own(&a->set, db);
    a->names_found = find_names(&a->set);
    capability_set_seal(&a->set);
    return trust_carve(&a->trust_policy, &a->set, err);
}

static void
print_lines(const struct buf *lines)
{
    const char *line = buf_str(lines);
    for (size_t n; *line; line += n + 1) {
        n = strcspn(line, "\n");
        fprintf(stderr, "nono: warning: %.*s\n", (int)n, line);
    }
}

static void
warn_if_writable(const struct policy_args *a, const char *path)
{
    struct judgement j;
    cleanup_free char *real = realpath(path, NULL);
    cleanup_free char *shown = display_str(path, DISPLAY_QUOTE);
    if (!real)
        return;
    capability_judge(&a->set, real, &j);
    if (!j.protected_ && j.access & ACCESS_WRITE)
        fprintf(stderr, "nono: warning: %s can be changed by the sandbox that it describes\n",
                shown);
}

void
policy_warn_trust(const struct trust_policy *t)
{
    print_lines(&t->warnings);
}

static void
warn_of_trust(const struct policy_args *a)
{
    const struct trust_policy *t = &a->trust_policy;
    policy_warn_trust(t);
    const char *end = t->signers_paths.data + t->signers_paths.len;
    for (const char *path = t->signers_paths.data; path < end; path += strlen(path) + 1)
        warn_if_writable(a, path);
    if (t->signers && access(KEYGEN_PATH, X_OK) < 0)
        fputs("nono: warning: no instruction file can be verified without " KEYGEN_PATH
              " (openssh-client)\n",
              stderr);
    if (t->enforcement == TRUST_DENY && !t->signers)
        fputs("nono: warning: no signer is configured: every instruction file is refused "
              "(nono trust allow-signer)\n",
              stderr);
}

// A sandbox that writes its own policy has the next session.
static void
warn_of_writable(const struct policy_args *a)
{
    for (size_t i = 0; i < a->profile.n_loaded; i++) {
        const char *path = a->profile.loaded[i];
        if (path[0] == '/')
            warn_if_writable(a, path);
    }
}

const char *
policy_asks_programs(const struct policy_args *a, int option)
{
    const struct profile_item *item = profile_last(&a->profile, PROFILE_EXEC);
    if (option >= 0)
        return option == EXEC_ASK ? "--exec ask" : NULL;
    return item && item->number == EXEC_ASK ? item->source : NULL;
}

const char *
policy_starts_nothing(const struct capability_set *s)
{
    cleanup_free char *shell = realpath("/bin/sh", NULL);
    if (shell && denials_refuse(&s->denials, shell))
        return "the system's programs are denied, so hardly any will start";
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
    warn_of_trust(a);
    const char *nothing = policy_starts_nothing(&a->set);
    if (nothing)
        fprintf(stderr, "nono: warning: %s\n", nothing);
}

void
policy_print_warnings(const struct profile *p)
{
    print_lines(&p->warnings);
}
