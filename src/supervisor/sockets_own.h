// SPDX-License-Identifier: Apache-2.0
// Which UNIX sockets are the sandbox's own (its tasks bound them), and which ones nobody in it may
// reach whatever they are called by now. Supervisor, under the lock.
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "resolve.h"
#include "socket_policy.h"

struct own_sockets;
// p lives as long as anything is judged. Nothing is known before own_sockets_look_around().
struct own_sockets *own_sockets_new(const struct socket_policy *p);
struct own_sockets *own_sockets_ref(struct own_sockets *o);
// The last one frees it. Takes NULL, returns NULL.
struct own_sockets *own_sockets_unref(struct own_sockets *o);

// A task just bound socket fd there. Forgotten when the kernel does not confirm that what lies
// there is that socket.
void own_sockets_add_path(struct own_sockets *o, int fd, const struct resolved *place);
// fd: O_PATH of a socket.
bool own_sockets_has_path(const struct own_sockets *o, int fd);
// A task just bound this socket to a name without a file.
void own_sockets_add_abstract(struct own_sockets *o, int fd);
// Does the name lead from socket fd to one of them now? False when the kernel does not say.
bool own_sockets_has_abstract(struct own_sockets *o, int fd, const char *name, size_t len);

// A task was allowed to bind this socket of the internet: to listen on it is allowed with that.
void own_sockets_add_bound(struct own_sockets *o, int fd);
bool own_sockets_has_bound(const struct own_sockets *o, int fd);

// I4: what lies where multiplexers and displays keep their sockets is remembered as what it is: a
// name of it elsewhere, or a rename, changes nothing. Looks at what is there now, which takes as
// long as the sandbox has made files there: in a worker, without the lock.
// fd: O_PATH of a socket that is about to be judged, or -1: if a multiplexer's process serves it,
// it is one of them wherever it lies.
void own_sockets_look_around(struct own_sockets *o, int fd);
// Forbids what the environment of an approving client names, from now on: each look around finds
// it. Asks no file system. True: it is new, for own_sockets_look_at().
bool own_sockets_add_named(struct own_sockets *o, const struct socket_named *n);
// Without the lock, in a worker: looks at a path that was added. True: a task may have connected to
// it before.
bool own_sockets_look_at(struct own_sockets *o, const char *path);
// fd: O_PATH of a socket that was looked around for; v: what its path gives. Refused is what nobody
// may reach, or when there was too much to look at, unless a task bound it. Returns the path that a
// service of high risk was first seen by where this one does not say it, or NULL; valid as long as
// o.
const char *own_sockets_judge(struct own_sockets *o, int fd, const char *path,
                              struct socket_verdict *v);
