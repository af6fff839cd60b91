// SPDX-License-Identifier: Apache-2.0
// What kind of file system a descriptor is on, and what can be known of an object without asking
// that: neither fstatfs(2) nor fstat(2) is a way for a thread that others wait for, a server or
// daemon that does not answer would hold it up. Any thread.
#pragma once
#include <stdbool.h>
#include <sys/stat.h>

enum mount_kind {
    MOUNT_REMOTE, /* asks somebody else, or may: nothing is known of it */
    MOUNT_LOCAL,  /* answers by itself */
    MOUNT_PROC,   /* procfs, which is local as well */
};

// An enum mount_kind, or -errno.
int mount_kind_of(int fd);
// As fstat(2), but of a remote object what was known last (statx(2), AT_STATX_DONT_SYNC). 0 or
// -errno.
int mount_stat(int fd, struct stat *ret_st);
