// SPDX-License-Identifier: Apache-2.0
// Client half of the control protocol, for nono ui, pending, allow and deny. One thread.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decision.h"
#include "err.h"
#include "event.h"
#include "request.h"

struct client;

struct client_ops {
    void (*request)(void *ctx, struct request *r); /* moved to the callee */
    void (*update)(void *ctx, const struct request_update *u);
    void (*stats)(void *ctx, const struct stats *s);
    // The answer to client_decide(): error 0 = recorded and answered (or on its way), else -errno:
    // -ENOENT no such request, -EALREADY decided or gone, -EBADMSG the facts changed, -EAGAIN busy.
    void (*result)(void *ctx, uint64_t request, int error);
    // The snapshot of waiting requests is complete.
    void (*synced)(void *ctx);
    void (*closed)(void *ctx);
};

// role: "nono ui", "nono pending", "nono allow", "nono deny". watch: wants requests and updates as
// they come.
int client_connect(const char *socket_path, const char *role, bool watch,
                   const struct client_ops *ops, void *ctx, struct client **ret_c, struct err *err);
struct client *client_free(struct client *c);
int client_fd(const struct client *c);
// The session it talks to: id, title. Valid once synced.
const struct session_info *client_session(const struct client *c);
// Reads what is there and calls back. 0, or -errno once the connection is over.
int client_read(struct client *c);
// Sends a decision; the answer comes through ops->result.
int client_decide(struct client *c, const struct decision *d);
