// SPDX-License-Identifier: Apache-2.0
// Who signed it? Asked of ssh-keygen(1), in a process apart: started before any thread and given
// away to init, it is neither a task of the sandbox nor below nono, so that nothing of the sandbox
// is taken for it and it for nothing of the sandbox. ssh-keygen gets three descriptors, an empty
// environment, no capabilities, and limits of size and time.
#pragma once

#define KEYGEN_PATH "/usr/bin/ssh-keygen"
#define KEYGEN_NAMESPACE "nono"
#define KEYGEN_SIGNATURE_MAX (64 * 1024)
#define KEYGEN_PRINCIPAL_MAX 256

// Starts the process; to be called before any thread exists. This process must not be init, and is
// no subreaper afterwards. It ends when *ret_fd is closed. 0 or -errno.
int keygen_start(int *ret_fd);
// Who of the allowed signers signed the content? 0, -EKEYREJECTED: none of them, -ETIME: it took
// too long, -ENOENT: there is no ssh-keygen, or another -errno: nothing is known then. The content
// is read from its start. One thread at a time.
int keygen_verify(int fd, int content, int signature, int signers,
                  char ret_principal[KEYGEN_PRINCIPAL_MAX]);
