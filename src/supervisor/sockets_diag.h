// SPDX-License-Identifier: Apache-2.0
// What the kernel says about a UNIX socket of this network namespace (sock_diag(7)). Any thread.
#pragma once
#include <linux/unix_diag.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The file that the socket is bound to: its device and the low half of its inode number. socket:
// the inode of the socket itself. False where it has none, or nothing is told.
bool socket_diag_file(uint32_t socket, struct unix_diag_vfs *ret_file);
// The same for a descriptor of ours.
bool socket_diag_file_of(int fd, struct unix_diag_vfs *ret_file);
// Is it bound to that name without a file (no zero in front)?
bool socket_diag_has_abstract(uint32_t socket, const char *name, size_t len);
