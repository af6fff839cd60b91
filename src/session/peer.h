// SPDX-License-Identifier: Apache-2.0
// Addresses of control sockets, and who is at their other end (I4). Any thread.
#pragma once
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#include "err.h"

struct peer_address {
    struct sockaddr_un un;
    socklen_t len;
    int dirfd; /* kept open while the address is in use; -1 for a short path */
};

#define cleanup_peer_address __attribute__((cleanup(peer_address_done)))

// The address of path; one that does not fit into sun_path goes through /proc/self/fd of its
// directory. 0 or -errno.
int peer_address_init(struct peer_address *a, const char *path);
void peer_address_done(struct peer_address *a);

// Does a process still hold the socket at path? Disturbs nobody. True also when it cannot be told.
bool peer_socket_alive(const char *path);

// A non-blocking listening socket at path, 0600 in a directory made 0700. What a dead session left
// at path is replaced; a living one is -EADDRINUSE, anything but a socket -EEXIST.
int peer_listen(const char *path, int *ret_fd, struct err *err);

// Is root above pid in the process tree? 1 yes, 0 no (pid itself is not above itself), -errno when
// it cannot be told: -ESRCH gone, -ESTALE the tree changed all the time, -ELOOP too deep.
int peer_descends(pid_t pid, pid_t root);

// May the process at the other end of fd control the session whose supervisor is root? 0, -EACCES
// another user, -EPERM a task of the sandbox or of another session's, -ESRCH gone or not to be
// verified.
int peer_check(int fd, pid_t root);
