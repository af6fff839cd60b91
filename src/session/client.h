// SPDX-License-Identifier: Apache-2.0
// Client half of the control protocol, for nono ui, pending, allow, deny and ps. One thread.
// The callbacks run inside client_read() and client_wait_synced(); they must not free the client.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decision.h"
#include "err.h"
#include "event.h"
#include "request.h"

struct client;

// Any of them may be NULL.
struct client_ops {
    void (*request)(void *ctx, struct request *r); /* moved to the callee */
    void (*update)(void *ctx, const struct request_update *u);
    void (*stats)(void *ctx, const struct stats *s);
    // The answer to client_decide(): error 0 = recorded and answered (or on its way), else -errno:
    // -ENOENT no such request, -EALREADY decided or gone, -EBADMSG the facts changed, -EAGAIN busy,
    // -EIO not recorded and therefore denied. Words: wire_error_text().
    void (*result)(void *ctx, uint64_t request, int error);
    // Live, or at its end (g->state); moved to the callee.
    void (*grant)(void *ctx, struct grant *g);
    void (*frozen)(void *ctx, bool on);
    // The answer to client_revoke() and to the other orders: error 0 or -errno.
    void (*revoked)(void *ctx, uint64_t grant, int error);
    void (*ordered)(void *ctx, int error);
    // The terminal that client_show() gave is ours again.
    void (*detached)(void *ctx);
    // The snapshot of waiting requests is complete.
    void (*synced)(void *ctx);
    void (*closed)(void *ctx);
};

enum client_wants {
    CLIENT_WATCH = 1 << 0,  /* requests, updates and what else happens, as it comes */
    CLIENT_GRANTS = 1 << 1, /* the live grants, before synced; with watch their changes too */
};

// role: as in docs/control-protocol.md. wants: bits of enum client_wants. Waits 2 seconds at most
// for a server that is overrun.
int client_connect(const char *socket_path, const char *role, unsigned wants,
                   const struct client_ops *ops, void *ctx, struct client **ret_c, struct err *err);
struct client *client_free(struct client *c);
int client_fd(const struct client *c);
// The session it talks to: id, name, command. NULL before its first line has come.
const struct session_info *client_session(const struct client *c);
// It had a terminal and has none now; valid with client_session().
bool client_is_detached(const struct client *c);
// Requests that waited when it connected; valid with client_session().
unsigned client_waiting(const struct client *c);
// Highest request id raised before the snapshot; valid once synced.
uint64_t client_newest(const struct client *c);
// Reads what is there and calls back. 0, or -errno once the connection is over: -ECONNRESET the
// session has ended, anything else was refused (see client_refusal()).
int client_read(struct client *c);
// Why the server refused to go on, in words; NULL when it did not.
const char *client_refusal(const struct client *c);
// Reads until the snapshot is complete. -ETIMEDOUT when the session does not answer.
int client_wait_synced(struct client *c, int timeout_ms, struct err *err);
// Sends a decision; the answer comes through ops->result. -EAGAIN: nothing was sent, try again.
int client_decide(struct client *c, const struct decision *d);

// Likewise: takes a grant back (ops->revoked answers), stops or continues every task of the
// sandbox, ends the session (ops->ordered answers).
int client_revoke(struct client *c, uint64_t grant);
int client_freeze(struct client *c, bool on);
int client_stop(struct client *c);

// Gives the terminal to the session, which draws on it and reads from it until ops->detached or the
// end (ops->ordered answers); after a change of its size, client_resized().
int client_show(struct client *c, int in_fd, int out_fd, const char *term);
int client_resized(struct client *c);

// The name of the session behind a socket, for the caller to free. 0, or -errno with *err.
int client_ask_name(const char *socket_path, int timeout_ms, char **ret_name, struct err *err);
