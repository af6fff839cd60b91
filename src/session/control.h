// SPDX-License-Identifier: Apache-2.0
// The control socket: JSON Lines over a UNIX stream socket, documented in docs/control-protocol.md.
// Server half: inside nono run, main thread. Same user only, never a task of the sandbox (I4): the
// sandbox is everything below this process, which must be its subreaper.
#pragma once
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bounds.h"
#include "decision.h"
#include "err.h"
#include "event.h"
#include "request.h"

// Bytes that may wait for one client; one that lets more pile up is dropped. Requests do not count:
// a client that is behind gets them as it catches up.
#define CONTROL_BACKLOG_MAX (4 * NONO_LINE_MAX)

struct control;

struct control_ops {
    // A client attached that may allow; pid is its process. 0, or -EAGAIN: it is sent away.
    int (*approver)(void *ctx, pid_t pid);
    // A client decided. As ui_ops.decide; d->source names the client ("nono ui", "nono allow").
    int (*decide)(void *ctx, const struct decision *d);
    // A client takes a grant back; its end comes as a control_grant(). 0, -ENOENT or -EAGAIN.
    int (*revoke)(void *ctx, uint64_t grant, const char *source);
    // Every task of the sandbox is to stop, or to go on: control_frozen() says when. 0 or -EAGAIN.
    int (*freeze)(void *ctx, bool on);
    // The session is to end.
    void (*stop)(void *ctx);
    // The session is to be shown on this terminal; the descriptors are taken over in any case. 0,
    // -ENOTTY: it has nothing to show, -ENXIO: that is no terminal that can be used.
    int (*terminal)(void *ctx, int in_fd, int out_fd, const char *term);
    // The terminal has another size; it is gone.
    void (*resized)(void *ctx);
    void (*terminal_gone)(void *ctx);
};

// Listens on path (made 0600 in a directory 0700; a stale socket of a dead session is replaced, a
// living one is -EADDRINUSE). info is copied.
int control_listen(const char *path, const struct session_info *info, const struct control_ops *ops,
                   void *ctx, struct control **ret_c, struct err *err);
// Says good-bye to the clients, removes the socket. Takes NULL, returns NULL.
struct control *control_free(struct control *c);

// Fills fds (room for NONO_CLIENTS_MAX + 1) and returns how many; call before poll(2).
size_t control_pollfds(struct control *c, struct pollfd *fds);
// Serves what poll(2) found; fds as filled by the last control_pollfds(). Never blocks.
void control_serve(struct control *c, const struct pollfd *fds, size_t n);

// What clients are told; the server keeps the waiting requests for clients that come later.
// r is copied. A client's decision is answered when the update says how it ended.
void control_request(struct control *c, const struct request *r);
void control_update(struct control *c, const struct request_update *u);
// g: a live grant, or one at its end.
void control_grant(struct control *c, const struct grant *g);
void control_frozen(struct control *c, bool on);
// The session is shown on no terminal from now on (the client whose it was is told so), or is
// again.
void control_detached(struct control *c, bool detached);
// What waits now, oldest first.
void control_each_request(const struct control *c,
                          void (*fn)(void *ctx, const struct request *r,
                                     const struct request_update *last),
                          void *ctx);
void control_stats(struct control *c, const struct stats *s);
// How many wait.
size_t control_waiting(const struct control *c);
// Clients attached now that can decide by a person (nono ui, plugin).
unsigned control_watchers(const struct control *c);
