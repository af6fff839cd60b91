// SPDX-License-Identifier: Apache-2.0
#include "footer.h"

#include <stdlib.h>
#include <string.h>

#include "denial.h"
#include "display.h"
#include "util.h"

#define FOOTER_MAX 8

void
footer_add(struct footer *f, struct refusal *r)
{
    f->total++;
    for (size_t i = 0; i < f->n; i++) {
        if (f->items[i]->op == r->op && strcmp(f->items[i]->resolved, r->resolved) == 0 &&
            (r->by != DECIDER_FLOOR || strcmp(f->items[i]->detail, r->detail) == 0)) {
            refusal_free(r);
            return;
        }
    }
    if (f->n == FOOTER_MAX) {
        refusal_free(r);
        return;
    }
    f->items = xrealloc(f->items, (f->n + 1) * sizeof *f->items);
    f->items[f->n++] = r;
}

static bool
is_socket(const struct refusal *r)
{
    return r->op == OP_CONNECT || r->op == OP_BIND || r->op == OP_SEND;
}

// A rule knows no interface, and no port 0.
static char *
host_for_rule(const char *peer)
{
    const char *colon = strrchr(peer, ':');
    size_t host = colon ? (size_t)(colon - peer) : strlen(peer), scope = strcspn(peer, "%");
    return xasprintf("%.*s%s:%s", (int)(scope < host ? scope : host), peer, scope < host ? "]" : "",
                     !colon || strcmp(colon, ":0") == 0 ? "*" : colon + 1);
}

static void
print_socket_flag(const struct refusal *r, FILE *out)
{
    const char *colon = strrchr(r->resolved, ':'), *flag;
    cleanup_free char *what = NULL;
    if (r->resolved[0] == '/') {
        flag = r->op == OP_BIND ? "--allow-unix-socket-bind" : "--allow-unix-socket";
        what = xstrdup(r->resolved);
    } else if (r->op == OP_BIND) {
        flag = "--allow-bind";
        what = xstrdup(colon ? colon + 1 : r->resolved);
    } else {
        flag = "--allow-connect";
        what = host_for_rule(r->resolved);
    }
    cleanup_free char *shown = display_str(what, DISPLAY_QUOTE);
    fprintf(out, "%s %s", flag, shown);
}

static void
print_flag(const struct refusal *r, FILE *out)
{
    if (is_socket(r)) {
        print_socket_flag(r, out);
        return;
    }
    if (r->programs) {
        fputs("--exec allow", out);
        return;
    }
    // The next one has another number.
    const char *own = path_in_process(r->resolved, r->pid);
    cleanup_free char *path = own ? xasprintf("/proc/self%s", own) : xstrdup(r->resolved);
    const char *flag = r->access == ACCESS_READ    ? "--read-file"
                       : r->access == ACCESS_WRITE ? "--write-file"
                                                   : "--allow-file";
    if (r->directory && r->op != OP_DELETE && r->op != OP_RENAME) {
        flag = r->access == ACCESS_READ    ? "--read"
               : r->access == ACCESS_WRITE ? "--write"
                                           : "--allow";
    } else if (r->op == OP_CREATE || r->op == OP_MKDIR || r->op == OP_DELETE ||
               r->op == OP_RENAME || r->op == OP_LINK) {
        // What changes a directory is allowed by that.
        char *slash = strrchr(path, '/');
        slash[slash == path] = 0;
        flag = "--allow";
    }
    cleanup_free char *shown = display_str(path, DISPLAY_QUOTE);
    fprintf(out, "%s %s", flag, shown);
}

void
footer_print(const struct footer *f, const char *session, FILE *out)
{
    if (f->n == 0)
        return;
    fprintf(out, "nono: refused %zu time%s:\n", f->total, f->total == 1 ? "" : "s");
    for (size_t i = 0; i < f->n; i++) {
        cleanup_free char *shown = display_str(f->items[i]->resolved, DISPLAY_QUOTE);
        fprintf(out, "  %-9s %s   ", op_to_string(f->items[i]->op), shown);
        if (f->items[i]->reason == REASON_USER_DENIED) {
            fputs("(you denied it)\n", out);
            continue;
        }
        if (is_socket(f->items[i]) && (strchr("@(", f->items[i]->resolved[0]))) {
            fputs("(a socket without a file: nothing can allow it)\n", out);
            continue;
        }
        if (f->proxy_only && is_socket(f->items[i]) && f->items[i]->op != OP_BIND &&
            f->items[i]->resolved[0] != '/') {
            fputs("(--proxy-port is given: nothing else can be connected to)\n", out);
            continue;
        }
        if (f->items[i]->by == DECIDER_FLOOR) {
            fprintf(out, "(%s: nothing can allow it)\n", f->items[i]->detail);
            continue;
        }
        if (f->items[i]->by == DECIDER_PROTECTED) {
            fputs("(protected: nothing can allow it)\n", out);
            continue;
        }
        if (f->items[i]->denied) {
            cleanup_free char *denial = display_str(f->items[i]->nearest, 0);
            fprintf(out, "(denied by the policy: %s)\n", denial);
            continue;
        }
        if (f->items[i]->reason == REASON_TRUST_FAILED) {
            fputs("(an instruction file that no allowed signer signed: see nono trust)\n", out);
            continue;
        }
        fputs("allow with: ", out);
        print_flag(f->items[i], out);
        fputc('\n', out);
    }
    fprintf(out, "  all of it: nono log %s\n", session);
}

void
footer_done(struct footer *f)
{
    for (size_t i = 0; i < f->n; i++)
        refusal_free(f->items[i]);
    free(f->items);
    *f = (struct footer){0};
}
