// SPDX-License-Identifier: Apache-2.0
#include "whatif.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "match.h"
#include "registry.h"
#include "util.h"

int
whatif_init(struct whatif *w, const char *policy, struct err *err)
{
    const char *home = getenv("HOME");
    cleanup_free char *config = registry_config_dir();
    *w = (struct whatif){0};
    w->home = home ? realpath(home, NULL) : NULL;
    w->dir = config ? xasprintf("%s/profiles", config) : NULL;
    struct profile_env env = {.home = w->home, .workdir = "/", .tmpdir = "/tmp", .dir = w->dir};
    return profile_load(&w->profile, policy, &env, err);
}

void
whatif_done(struct whatif *w)
{
    profile_done(&w->profile);
    capability_set_done(&w->set);
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
    struct profile_env env = {
        .home = w->home, .workdir = w->workdir, .tmpdir = "/tmp", .dir = w->dir};
    int ret = 0;
    for (size_t i = 0; i < w->profile.n && ret >= 0; i++)
        ret = add_item(w, &w->profile.items[i], &env, err);
    if (ret >= 0)
        ret = add_workdir(w, err);
    if (ret < 0)
        return ret;
    char *own[] = {registry_state_dir(), registry_runtime_dir(), registry_config_dir()};
    for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
        if (own[i])
            capability_protect(&w->set, own[i]);
        free(own[i]);
    }
    capability_protect(&w->set, "/dev/pts");
    // Whose memory it answers for could make the supervisor wait for ever when it reads an
    // argument.
    capability_protect(&w->set, "/dev/userfaultfd");
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
    const struct capability *c = capability_giving(&w->set, path, access, exec);
    if (c)
        *ret_source = c->source;
    return c || (!exec && (access & ~j.access) == 0) ? WHATIF_ALLOW : WHATIF_ASK;
}

// "host:port" or "host:*" of a profile.
static bool
endpoint_names(const struct profile_item *item, const struct event_row *row)
{
    size_t n = strcspn(item->value, "\n");
    const char *colon = memrchr(item->value, ':', n);
    if (!colon || (item->number && item->number != (uint64_t)row->port))
        return false;
    cleanup_free char *host = xstrndup(item->value, (size_t)(colon - item->value));
    cleanup_free char *peer = xstrdup(row->resolved ? row->resolved : "");
    char *end = strrchr(peer, ':');
    if (end)
        *end = 0;
    return (row->host && row->host[0] && strcasecmp(row->host, host) == 0) ||
           strcasecmp(peer, host) == 0;
}

static enum whatif_verdict
judge_socket(const struct whatif *w, const struct event_row *row, const char **ret_source)
{
    enum whatif_verdict verdict = WHATIF_ASK;
    if (row->family < 0)
        return WHATIF_UNKNOWN;
    for (size_t i = 0; i < w->profile.n; i++) {
        const struct profile_item *item = &w->profile.items[i];
        bool names = false;
        if (item->key == PROFILE_NETWORK_BLOCK && item->number && row->port >= 0) {
            *ret_source = item->source;
            return WHATIF_DENY;
        }
        if (item->key == PROFILE_ALLOW_CONNECT && row->op != OP_BIND)
            names = row->port >= 0 && endpoint_names(item, row);
        else if (item->key == PROFILE_CONNECT_PORT && row->op != OP_BIND)
            names = item->number == (uint64_t)row->port;
        else if (item->key == PROFILE_LISTEN_PORT && row->op == OP_BIND)
            names = item->number == (uint64_t)row->port;
        if (names) {
            verdict = WHATIF_ALLOW;
            *ret_source = item->source;
        }
    }
    return verdict;
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
    unsigned access = row->access ? row->access : exec ? ACCESS_READ : 0;
    if (!access)
        return WHATIF_UNKNOWN;
    enum whatif_verdict v = judge_path(w, row->resolved, access, exec, ret_source);
    if ((row->op != OP_RENAME && row->op != OP_LINK) || v == WHATIF_DENY || v == WHATIF_UNKNOWN)
        return v;
    // Both ends must be allowed; the stricter answer is the answer.
    const char *source = "";
    enum whatif_verdict other = judge_path(w, row->resolved2, ACCESS_WRITE, false, &source);
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
