// SPDX-License-Identifier: Apache-2.0
#include "whatif.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "policy_options.h"
#include "registry.h"
#include "util.h"

int
whatif_init(struct whatif *w, const char *policy, struct err *err)
{
    cleanup_free char *config = registry_config_dir();
    *w = (struct whatif){0};
    w->home = registry_home();
    w->dir = config ? xasprintf("%s/profiles", config) : NULL;
    struct profile_env env = {.home = w->home, .workdir = "/", .tmpdir = "/tmp", .dir = w->dir};
    return profile_load(&w->profile, policy, &env, err);
}

void
whatif_done(struct whatif *w)
{
    profile_done(&w->profile);
    capability_set_done(&w->set);
    socket_policy_done(&w->sockets);
    free(w->home);
    free(w->dir);
    free(w->workdir);
}

static unsigned
access_of(enum profile_key key)
{
#define ACCESS_OF_(key, group, name, type, access) [key] = access,
    static const unsigned access[] = {PROFILE_KEY_LIST(ACCESS_OF_)};
#undef ACCESS_OF_
    return access[key];
}

static int
add_item(struct whatif *w, const struct profile_item *item, const struct profile_env *env,
         struct err *err)
{
    cleanup_free char *path = NULL;
    size_t fixed = 0;
    if (!access_of(item->key) && item->key != PROFILE_DENY)
        return 0;
    int ret = profile_expand(item, env, &path, &fixed, err);
    if (ret <= 0)
        return ret;
    if (item->key == PROFILE_DENY)
        return capability_deny(&w->set, path, fixed, item->source, err);
    bool file = item->key == PROFILE_ALLOW_FILE || item->key == PROFILE_READ_FILE ||
                item->key == PROFILE_WRITE_FILE;
    return capability_add_missing(&w->set, file ? CAPABILITY_FILE : CAPABILITY_SUBTREE,
                                  access_of(item->key), path, item->source, err);
}

static int
add_workdir(struct whatif *w, struct err *err)
{
    static const unsigned access[] = {0, ACCESS_READ, ACCESS_WRITE, ACCESS_READ | ACCESS_WRITE};
    const struct profile_item *item = profile_last(&w->profile, PROFILE_WORKDIR_ACCESS);
    bool wide = strcmp(w->workdir, "/") == 0 || (w->home && strcmp(w->workdir, w->home) == 0);
    size_t which = item ? item->number : wide ? WORKDIR_NONE : WORKDIR_READWRITE;
    if (which >= ARRAY_SIZE(access) || !access[which])
        return 0;
    return capability_add_missing(&w->set, CAPABILITY_SUBTREE, access[which], w->workdir,
                                  item ? item->source : "workdir", err);
}

int
whatif_for(struct whatif *w, const char *workdir, struct err *err)
{
    if (w->workdir && strcmp(w->workdir, workdir) == 0)
        return 0;
    free(w->workdir);
    w->workdir = xstrdup(workdir);
    capability_set_done(&w->set);
    socket_policy_done(&w->sockets);
    struct profile_env env = {
        .home = w->home, .workdir = w->workdir, .tmpdir = "/tmp", .dir = w->dir};
    int ret = 0;
    for (size_t i = 0; i < w->profile.n && ret >= 0; i++)
        ret = add_item(w, &w->profile.items[i], &env, err);
    if (ret >= 0)
        ret = add_workdir(w, err);
    if (ret >= 0)
        ret = policy_profile_sockets(&w->sockets, &w->profile, &env, true, err);
    if (ret < 0)
        return ret;
    policy_protect_own(&w->set, NULL);
    capability_set_seal(&w->set);
    return 0;
}

// --- judging ----------------------------------------------------------------------------------

static enum whatif_verdict
judge_path(const struct whatif *w, const char *path, unsigned access, bool exec,
           const char **ret_source)
{
    struct judgement j;
    if (!path || path[0] != '/')
        return WHATIF_UNKNOWN;
    capability_judge(&w->set, path, &j);
    if (j.protected_) {
        *ret_source = j.denied && j.denied->source ? j.denied->source : "nono's own";
        return WHATIF_DENY;
    }
    // Whatever is readable: each program is asked about, but the command itself, which is no
    // difference either way.
    const struct profile_item *programs = exec ? profile_last(&w->profile, PROFILE_EXEC) : NULL;
    if (programs && programs->number == EXEC_ASK)
        return WHATIF_ASK;
    const struct capability *c = capability_giving(&w->set, path, access, exec);
    if (c)
        *ret_source = c->source;
    return c || (!exec && (access & ~j.access) == 0) ? WHATIF_ALLOW : WHATIF_ASK;
}

// A name in a directory: who makes, removes or moves it changes the directory.
static enum whatif_verdict
judge_entry(const struct whatif *w, const char *path, const char **ret_source)
{
    enum whatif_verdict v = judge_path(w, path, 0, false, ret_source);
    if (v != WHATIF_ALLOW)
        return v;
    *ret_source = "";
    size_t n = (size_t)(strrchr(path, '/') - path);
    cleanup_free char *dir = xstrndup(path, n ? n : 1);
    return judge_path(w, dir, ACCESS_WRITE, false, ret_source);
}

// What the policy gives of a path.
static unsigned
given(const struct whatif *w, const char *path)
{
    struct judgement j;
    if (!path || path[0] != '/')
        return 0;
    capability_judge(&w->set, path, &j);
    return j.access;
}

// What the call's own look-up said then.
static bool
leads_to(void *ctx, const char *name, const struct endpoint *e)
{
    const struct event_row *row = ctx;
    return row->host && strcasecmp(row->host, name) == 0;
}

static void
judge_unix(const struct whatif *w, const struct event_row *row, struct socket_verdict *v)
{
    struct judgement j = {0};
    const char *path = row->resolved ? row->resolved : "";
    enum unix_name kind = row->abstract ? UNIX_ABSTRACT : path[0] == '/' ? UNIX_PATH : UNIX_UNNAMED;
    if (kind == UNIX_PATH)
        capability_judge(&w->set, path, &j);
    // Whether the other end was of the sandbox is not recorded: those are not asked about.
    const unsigned both = ACCESS_READ | ACCESS_WRITE;
    bool ours = row->op == OP_BIND && (kind != UNIX_PATH || (j.access & both) == both);
    socket_judge_unix(&w->sockets, row->op, kind, path, ours, v);
    if (j.protected_)
        *v = (struct socket_verdict){.answer = SOCKET_DENY,
                                     .nearest = j.denied && j.denied->source ? j.denied->source
                                                                             : "nono's own"};
}

static enum whatif_verdict
judge_socket(const struct whatif *w, const struct event_row *row, const char **ret_source)
{
    static const enum whatif_verdict verdicts[] = {
        [SOCKET_ALLOW] = WHATIF_ALLOW, [SOCKET_ASK] = WHATIF_ASK, [SOCKET_DENY] = WHATIF_DENY};
    const struct profile_item *block = profile_last(&w->profile, PROFILE_NETWORK_BLOCK);
    struct endpoint e = {.family = row->family, .port = (uint16_t)row->port};
    const struct socket_names names = {.leads_to = leads_to, .ctx = (void *)row};
    struct socket_verdict v = {0};
    if (row->family == AF_UNIX) {
        judge_unix(w, row, &v);
    } else {
        if (row->port < 0 || !row->addr || row->addr_len > sizeof e.addr)
            return WHATIF_UNKNOWN;
        memcpy(e.addr, row->addr, row->addr_len);
        e.loopback = socket_is_loopback(e.family, e.addr);
        socket_judge_inet(&w->sockets, row->op, &e, &names, &v);
        if (v.answer == SOCKET_DENY && block)
            v.nearest = block->source;
    }
    if (v.answer != SOCKET_ASK && v.nearest)
        *ret_source = v.nearest;
    return verdicts[v.answer];
}

enum whatif_verdict
whatif_judge(const struct whatif *w, const struct event_row *row, const char **ret_source)
{
    *ret_source = "";
    if ((int)row->op < 0)
        return WHATIF_UNKNOWN;
    if (row->op == OP_CONNECT || row->op == OP_BIND || row->op == OP_SEND)
        return judge_socket(w, row, ret_source);
    bool exec = row->op == OP_EXEC;
    bool entry =
        row->op == OP_CREATE || row->op == OP_DELETE || row->op == OP_MKDIR || row->op == OP_RENAME;
    unsigned access = row->access ? row->access : exec ? ACCESS_READ : 0;
    if (!access)
        return WHATIF_UNKNOWN;
    if (row->op == OP_LINK)
        access = given(w, row->resolved);
    enum whatif_verdict v = entry ? judge_entry(w, row->resolved, ret_source)
                                  : judge_path(w, row->resolved, access, exec, ret_source);
    const char *own = v == WHATIF_ASK ? path_in_process(row->resolved, row->pid) : NULL;
    if (own) {
        cleanup_free char *self = xasprintf("/proc/self%s", own);
        v = judge_path(w, self, access, exec, ret_source);
    }
    if (row->op == OP_LINK && v == WHATIF_ALLOW && !access)
        v = WHATIF_ASK;
    if ((row->op != OP_RENAME && row->op != OP_LINK) || v == WHATIF_DENY || v == WHATIF_UNKNOWN)
        return v;
    // Both ends must be allowed, and the new name give no more than the old one; the stricter
    // answer is the answer.
    const char *source = "";
    enum whatif_verdict other = judge_entry(w, row->resolved2, &source);
    if (other == WHATIF_ALLOW && given(w, row->resolved2) & ~given(w, row->resolved))
        other = WHATIF_ASK;
    if (other != WHATIF_ALLOW)
        *ret_source = source;
    return other == WHATIF_ALLOW ? v : other;
}

// --- comparing --------------------------------------------------------------------------------

const char *
whatif_change_to_string(enum whatif_change c)
{
    static const char *const words[] = {
        [WHATIF_WIDENED] = "deny>allow", [WHATIF_BROKEN] = "allow>deny",
        [WHATIF_SAVED] = "ask>allow",    [WHATIF_REFUSED] = "ask>deny",
        [WHATIF_NOT_KNOWN] = "unknown",  [WHATIF_SAME] = "same"};
    return words[c];
}

// Refusals stay refusals and grants stay grants when somebody would be asked anew: nothing is
// decided then.
enum whatif_change
whatif_compare(const struct event_row *row, enum whatif_verdict now)
{
    bool denied = row->verdict == VERDICT_DENY || row->verdict == VERDICT_EXPIRED;
    bool asked = row->by == DECIDER_USER || row->by == DECIDER_TIMEOUT ||
                 row->verdict == VERDICT_WITHDRAWN || (int)row->verdict < 0;
    // What is never there no policy gives.
    if (denied && row->by == DECIDER_FLOOR)
        return WHATIF_SAME;
    switch (now) {
    case WHATIF_ALLOW:
        return denied ? WHATIF_WIDENED : row->by == DECIDER_FLOOR ? WHATIF_SAME : WHATIF_SAVED;
    case WHATIF_DENY:
        if (row->verdict == VERDICT_ALLOW)
            return WHATIF_BROKEN;
        return asked ? WHATIF_REFUSED : WHATIF_SAME;
    case WHATIF_ASK:
        return WHATIF_SAME;
    case WHATIF_UNKNOWN:
        break;
    }
    return WHATIF_NOT_KNOWN;
}

bool
whatif_judge_network(const struct whatif *w, const struct event_row *row,
                     struct event_row *ret_allowed, enum whatif_change *ret_change,
                     const char **ret_source)
{
    *ret_source = "";
    if (row->request || row->net_decision != NET_ALLOW)
        return false;
    *ret_allowed = *row;
    ret_allowed->verdict = VERDICT_ALLOW;
    ret_allowed->by = DECIDER_FLOOR;
    enum whatif_verdict now =
        row->family == AF_UNIX ? WHATIF_UNKNOWN : whatif_judge(w, ret_allowed, ret_source);
    *ret_change = now != WHATIF_ALLOW && row->op == OP_BIND ? WHATIF_NOT_KNOWN
                                                            : whatif_compare(ret_allowed, now);
    return true;
}
