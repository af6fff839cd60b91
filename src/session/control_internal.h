// SPDX-License-Identifier: Apache-2.0
// The control server, between control.c (connections) and control_talk.c (what is said on them).
// Private to src/session. Main thread.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "buf.h"
#include "control.h"
#include "grants.h"
#include "waiting.h"

struct role;

struct conn {
    int fd;                  /* -1: free slot */
    uint64_t serial;         /* never used twice */
    const struct role *role; /* NULL until it has attached */
    bool watch;
    bool grants;       /* wants them told */
    int fds[2];        /* that came with its lines and were not taken yet; -1 */
    uint64_t revoking; /* the grant that it takes back, not yet heard of; 0: none */
    bool synced;
    uint64_t cursor; /* highest request id told */
    size_t scanned;  /* bytes of in without a newline */
    struct buf in, out;
};

struct control {
    char *path;
    int fd;
    struct session_info *info;
    const struct control_ops *ops;
    void *ctx;
    pid_t root;
    uint64_t serial;
    uint64_t deaf_until; /* monotonic: out of descriptors, no connection is taken before */
    struct waiting_list waiting;
    struct stats stats;
    bool have_stats;
    struct grants grants;
    bool frozen;
    bool detached;
    uint64_t terminal; /* serial of the client whose terminal shows the session; 0: none */
    struct conn conns[NONO_CLIENTS_MAX];
    size_t polled[NONO_CLIENTS_MAX]; /* slots of the last control_pollfds() */
};

// control.c
void conn_drop(struct conn *k);
void conn_flush(struct conn *k);
// Last words: what the socket takes at once, then the end.
void conn_fail(struct conn *k, int error);
// Flushes, and drops a client that lets too much pile up.
void conn_check_backlog(struct conn *k);
// Tells the requests that this client does not know yet, as far as it keeps up. They wait in the
// list and not in its buffer: a client that is behind costs no memory and loses nothing.
void conn_pump(struct control *c, struct conn *k);

struct conn *conn_by_serial(struct control *c, uint64_t serial);

// control_talk.c
// One line of a client, without its newline. May drop k.
void control_line(struct control *c, struct conn *k, const char *line, size_t n);
// Is there somebody who can decide?
bool conn_is_person(const struct conn *k);
