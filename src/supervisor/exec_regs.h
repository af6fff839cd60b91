// SPDX-License-Identifier: Apache-2.0
// The registers and the memory of a stopped task whose execve is made again in another form. The
// only part of exec that knows the machine. Of the thread that traces the task.
#pragma once
#include <stdint.h>
#include <sys/types.h>

#include "exec.h"

#if defined __x86_64__
#include <sys/user.h>
#define EXEC_REGS_KNOWN true
typedef struct user_regs_struct exec_regs;
#else
#define EXEC_REGS_KNOWN false /* what the floor forbids is refused on other machines */
typedef struct {
    int none;
} exec_regs;
#endif

struct exec_saved {
    exec_regs regs; /* as the call left them */
    uint64_t signals;
};

// Reads the registers and blocks all signals. 0 or -errno (-ENOSYS: not on this machine).
int exec_regs_save(pid_t tid, struct exec_saved *ret_s);
// Turns the call that will be restarted into execveat(fd, "", argv, envp, AT_EMPTY_PATH); for a
// script argv becomes that of its interpreter, below the stack. 0 or -errno.
int exec_regs_rewrite(pid_t tid, const struct exec_saved *s, const struct exec_call *c, int fd);
// Is the call, stopped at its end, one that the kernel makes again behind a signal?
bool exec_regs_comes_again(pid_t tid);
// The call is over without success: the registers are the caller's again. error: -errno that it
// returns; 0: what the kernel said.
void exec_regs_failed(pid_t tid, const struct exec_saved *s, int error);
// The program is there, stopped in PTRACE_EVENT_EXEC: it gets the name that it would have natively
// (comm, AT_EXECFN) and its signals. What fails there is left as it is.
void exec_regs_dress(pid_t pid, const struct exec_saved *s, const struct exec_call *c);
