// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "display.h"
#include "outlook.h"
#include "registry.h"
#include "request.h"
#include "risk.h"
#include "trust_file.h"
#include "util.h"
#include "why.h"

static unsigned
access_of(enum op op)
{
    return op == OP_WRITE ? ACCESS_WRITE : ACCESS_READ;
}

static char *
allowing_option(enum op op, const struct outlook *o)
{
    cleanup_free char *dir = xstrdup(o->path);
    char *slash = strrchr(dir, '/');
    const char *flag = op == OP_WRITE ? "--write" : "--read";
    if (!o->exists)
        slash[slash == dir] = 0;
    cleanup_free char *shown = display_str(dir, DISPLAY_QUOTE);
    return xasprintf("%s%s %s", flag, o->exists && !S_ISDIR(o->st.st_mode) ? "-file" : "", shown);
}

static void
answer(struct why_answer *a, const char *verdict, enum decider by, const char *rule,
       const char *source, const char *allow_with)
{
    a->verdict = verdict;
    a->by = (int)by >= 0 ? decider_to_string(by) : "";
    a->rule = xstrdup(rule);
    a->source = xstrdup(source);
    a->allow_with = xstrdup(allow_with);
}

static const char *
native_text(enum outlook_native native)
{
    return native == OUTLOOK_MODE     ? "owner, mode or file system forbid it, with or without nono"
           : native == OUTLOOK_SOCKET ? "a socket is not opened but connected to (--connect)"
                                      : "of a process outside, which no sandbox can look into";
}

static bool
is_instruction_file(const struct why_args *w, const char *target, const struct outlook *o)
{
    const struct trust_policy *t = &w->policy.trust_policy;
    return w->op == OP_READ && !(o->exists && S_ISDIR(o->st.st_mode)) &&
           trust_applies(t, trust_matches(t, target), o->path);
}

// Of an instruction file: true when it is refused for want of a signature.
static bool
answer_by_trust(const struct why_args *w, const struct outlook *o, struct why_answer *a)
{
    const struct trust_policy *t = &w->policy.trust_policy;
    struct trust_verifier v = TRUST_VERIFIER_NONE;
    char principal[KEYGEN_PRINCIPAL_MAX] = "";
    if (t->enforcement != TRUST_DENY) {
        a->note = xstrdup("an instruction file: handed over and recorded, signed or not (--trust)");
        return false;
    }
    cleanup_free char *why = NULL;
    int error = trust_verifier_start(t, &v);
    if (error == 0)
        error = trust_verify_file(&v, o->path, principal, &why);
    trust_verifier_done(&v);
    cleanup_free char *who = display_str(principal, 0);
    if (error == 0) {
        a->note = xasprintf("an instruction file, signed by %s", who);
        return false;
    }
    cleanup_free char *rule = xasprintf("an instruction file: %s", why ? why : strerror(-error));
    answer(a, "deny", DECIDER_TRUST, rule, "", "--trust warn");
    return true;
}

static void
answer_by_policy(const struct why_args *w, const struct outlook *o, struct judgement *j,
                 struct why_answer *a)
{
    const struct capability_set *set = &w->policy.set;
    const struct capability *c =
        capability_giving(set, o->path, access_of(w->op), w->op == OP_EXEC);
    const char *asks = c && w->op == OP_EXEC ? policy_asks_programs(&w->policy, w->exec) : NULL;
    if (!c && !j->nearest)
        capability_nearest(set, o->path, j);
    const struct capability *named = c ? c : j->nearest;
    cleanup_free char *rule = named ? capability_describe(named) : xstrdup("");
    cleanup_free char *option = allowing_option(w->op, o);
    if (asks)
        answer(a, "ask", _DECIDER_INVALID, REQUEST_ASKS_PROGRAMS, asks, "--exec allow");
    else if (c)
        answer(a, "allow", DECIDER_INITIAL, rule, c->source, "");
    else
        answer(a, "ask", _DECIDER_INVALID, rule, "", option);
}

static void
judge(const struct why_args *w, const char *target, const struct outlook *o, struct why_answer *a)
{
    struct judgement j;
    capability_judge(&w->policy.set, o->numbered, &j);
    if (!j.denied)
        capability_judge(&w->policy.set, o->path, &j);
    if (o->exists)
        capability_judge_object(&w->policy.set, o->st.st_dev, o->st.st_ino, &j);
    bool foreign = o->foreign && access_of(w->op) & ~j.access;
    if (j.denied) {
        cleanup_free char *rule = denial_describe(j.denied);
        answer(a, "deny", j.by, rule, j.denied->source ? j.denied->source : "", "");
    } else if (foreign || o->native != OUTLOOK_POLICY) {
        answer(a, "deny", DECIDER_FLOOR, native_text(foreign ? OUTLOOK_FOREIGN : o->native), "",
               "");
    } else if (o->path[0] != '/') {
        answer(a, "allow", DECIDER_FLOOR, "the task's own: it has no name", "", "");
    } else if (w->op == OP_WRITE && strcmp(o->path, "/proc/self/comm") == 0) {
        answer(a, "allow", DECIDER_FLOOR, "a process names itself and its threads", "", "");
    } else if (!is_instruction_file(w, target, o) || !answer_by_trust(w, o, a)) {
        answer_by_policy(w, o, &j, a);
    }
}

void
why_path(const struct why_args *w, const char *target, struct why_answer *a)
{
    cleanup_free char *whole = path_absolute(target);
    cleanup_free char *home = registry_home();
    struct outlook o;
    outlook_at(w->task, whole, w->op, &o);
    a->resolved = xstrdup(o.path);
    a->interpreter = xstrdup("");
    a->risk = risk_of_path(o.path, home, access_of(w->op), &a->tags);
    judge(w, target, &o, a);
    // The first part that is not allowed says what happens to the whole.
    for (unsigned i = 1; i < OUTLOOK_PARTS && o.interpreter && strcmp(a->verdict, "allow") == 0;
         i++) {
        struct why_answer next = {.interpreter = steal_pointer(&o.interpreter)};
        outlook_done(&o);
        outlook_at(w->task, next.interpreter, OP_EXEC, &o);
        judge(w, next.interpreter, &o, &next);
        if (strcmp(next.verdict, "allow") == 0) {
            why_answer_done(&next);
            continue;
        }
        next.risk = a->risk;
        next.resolved = steal_pointer(&a->resolved);
        next.tags = steal_pointer(&a->tags);
        why_answer_done(a);
        *a = next;
    }
    outlook_done(&o);
}
