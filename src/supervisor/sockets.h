// SPDX-License-Identifier: Apache-2.0
// FAMILY_SOCKET: connect, bind, listen and sends with an address. There is no floor under most of
// it, so nothing is left to the kernel to look at again (I2): the socket is duplicated and the
// address copied once, and the call is made on the duplicate with that very address. Decoding and
// doing are here for any thread of the supervisor (a call belongs to one at a time); sockets.c
// judges.
#pragma once
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "calls.h"
#include "core.h"
#include "sockaddr.h"

enum socket_kind {
    SOCKET_CONNECT,
    SOCKET_BIND,
    SOCKET_LISTEN,
    SOCKET_SENDTO,
    SOCKET_SENDMSG,
    SOCKET_SENDMMSG,
};

// One message of a send. Its bytes stay with the task until they are sent: nothing is judged by
// them.
struct message {
    struct iovec *iov; /* of the task; owned */
    size_t n_iov;
    size_t total;  /* bytes */
    size_t sent;   /* of them */
    void *control; /* owned; descriptors in it are duplicates of our own */
    size_t control_len;
    int *fds; /* those; owned */
    size_t n_fds;
};

struct socket_call {
    struct call call;
    enum socket_kind kind;
    int fd; /* duplicate of the task's socket; owned */
    int domain, type, protocol;
    bool nonblock;
    uint8_t addr[sizeof(struct sockaddr_storage)];
    size_t addr_len; /* 0: none */
    struct sockaddr_parsed to;
    // A bind to a port of the kernel's choice that no rule allows: nobody can reach it before it
    // listens, which is asked about then, so it is made and not remembered.
    bool unoffered;
    uint64_t named_by;        /* when it has waited long enough for a name; 0: it has not */
    unsigned flags;           /* MSG_*, or the backlog */
    struct message *messages; /* owned */
    size_t n, done;           /* how many, and how many of them are sent */
    size_t before, rest;      /* of sendmmsg(2): sent before these; behind them, not taken in yet */
    size_t charged;           /* bytes of NONO_SENDS_MAX */
    uint64_t user_vec;        /* of sendmmsg(2): where their lengths are told */
    int listener;             /* that it came by; not owned */
};

// Closes its duplicates, which may block: for closer.h alone.
void socket_call_close(struct socket_call *c);
// Moves the call into an allocation of its own.
struct socket_call *socket_call_move(struct socket_call *c);
// What it asks for: OP_CONNECT, OP_BIND or OP_SEND.
enum op socket_op(const struct socket_call *c);

// Copies the arguments. 0, or the errno (positive) that the call fails with; *ret_c is to be freed
// in either case. EMFILE when it is us who have no descriptors left: c->to is set if addr_len is.
int socket_decode(int listener, const struct call_row *row, const struct seccomp_notif *n,
                  struct socket_call *ret_c);
// A duplicate of a descriptor of the task, or -EBADF as the task would get it; -EPERM when the
// system does not let us, -EMFILE when we have none left, -EACCES when it fails otherwise.
int socket_steal_fd(pid_t tid, int fd);
// Takes the messages of a send in. 0 or an errno (positive): ENOMEM when those that wait hold too
// much.
int socket_decode_messages(const struct seccomp_notif *n, struct socket_call *c);
// All that it holds of sendmmsg(2) is sent: tells so and takes in what comes behind it, as far as
// that goes to the same address. False when there is nothing more.
bool socket_next_messages(struct socket_call *c);
// The start of what the first message holds, for a look at it; its length.
size_t socket_peek(const struct socket_call *c, void *buf, size_t len);

// Does it, r (or NULL) being the socket that the path leads to, or the place where it is to be
// made. now: never blocks, -EAGAIN instead. Returns as the call does; -EPIPE leaves the signal to
// the caller.
int socket_do(struct socket_call *c, const struct resolved *r, bool now);
// Is it a send of so much that others had better not wait for it?
bool socket_is_bulky(const struct socket_call *c);
// Tells sendmmsg(2) what was sent of each; how many, or -errno.
int socket_tell_lengths(const struct socket_call *c);
// Is the file of a socket that was just bound the leaf of place? If not it is removed from wherever
// below place it is. May take long.
bool socket_is_at(int fd, const struct resolved *place);
