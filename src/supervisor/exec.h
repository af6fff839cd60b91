// SPDX-License-Identifier: Apache-2.0
// FAMILY_EXEC: execve and execveat. exec.c judges; exec_decode.c and exec_program.c find out what
// would run; exec_trace.c sees to it that what was approved is what runs. Everything declared here
// is for any thread of the supervisor; a call belongs to one at a time.
#pragma once
#include <linux/seccomp.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "bounds.h"
#include "calls.h"
#include "request.h"
#include "resolve.h"

enum exec_format {
    EXEC_NATIVE, /* ELF of this machine */
    EXEC_COMPAT, /* ELF of its 32-bit sister: its own calls are refused by the filter */
    EXEC_SCRIPT, /* #! */
    EXEC_OTHER,  /* nothing that is run outside the floor: binfmt_misc could run anything */
};

// A program as it was when it was looked at.
struct exec_program {
    enum exec_format format;
    struct stat st;
    uint8_t sha256[SHA256_LEN];
};

// The parts of a call: the program, for a script its interpreter, and so on where that is a script
// itself, as far as the kernel goes (fs/exec.c, exec_binprm()). The last is the one that runs.
enum { EXEC_PROGRAM, EXEC_PARTS = 6 };

// One call, its arguments copied once (I2).
struct exec_call {
    struct call call;
    int dirfd;
    unsigned flags;
    uint64_t path_addr, argv_addr;
    size_t path_len;
    char path[NONO_PATH_MAX];
    // Set by exec_look():
    char *name;         /* what the kernel calls the program (AT_EXECFN); owned */
    size_t argc;        /* of the caller's argv */
    uint64_t *pointers; /* the caller's argv; owned */
    char *argv;         /* its strings, NUL-separated; owned */
    size_t argv_len;
    char comm[16];
    unsigned parts;                /* 1 for what is no script */
    char *interpreter[EXEC_PARTS]; /* of each part's #! line, as written there; owned; or NULL */
    char *argument[EXEC_PARTS];    /* likewise its argument, or NULL */
    struct exec_program program[EXEC_PARTS];
    bool writable[EXEC_PARTS]; /* the sandbox may write to it; set by the judge */
};

// As in struct family.
const char *exec_path(const struct call *c, enum op *ret_op);
// Leaves c as exec_decode() made it.
void exec_call_done(struct exec_call *c);
// Copies the registers and the path. 0 or an errno (positive): -the one that the call fails with.
int exec_decode(const struct call_row *row, const struct seccomp_notif *n, struct exec_call *ret_c);
// Resolves the program. flags: RESOLVE_NOW or 0. As resolve_path().
int exec_resolve(const struct exec_call *c, unsigned flags, struct resolved *ret_r);
// Copies argv and finds out what ends[EXEC_PROGRAM], which is held, is; for a script resolves its
// interpreter into the next end, and so on. May take long. 0, or -errno as the call would fail.
int exec_look(struct exec_call *c, struct resolved *ends);
// What stands before the caller's own arguments for a script, in place of its first: the
// interpreter, what the #! line gives it, and the script. Borrowed of c. Returns how many; 0 for no
// script.
#define EXEC_TEXTS (2 * EXEC_PARTS)
size_t exec_script_texts(const struct exec_call *c, const char *texts[EXEC_TEXTS]);
// argv as the program would see it: NUL-separated. The caller frees it.
char *exec_final_argv(const struct exec_call *c, size_t *ret_len);

#define EXEC_HEAD 256 /* bytes that the kernel looks at, BINPRM_BUF_SIZE */
// Reads the start of what path_fd holds, zero-filled. now: -EAGAIN instead of waiting for a disk.
// -EACCES for what is not a regular file or cannot be read.
int exec_read_head(int path_fd, bool now, char head[EXEC_HEAD]);
enum exec_format exec_format_of(const char head[EXEC_HEAD]);
// Takes a #! line apart (fs/binfmt_script.c). argument is "" when there is none. 0, -ENOEXEC,
// or -EACCES as the kernel says of an empty name.
int exec_parse_line(const char head[EXEC_HEAD], char interpreter[EXEC_HEAD],
                    char argument[EXEC_HEAD]);
// A new descriptor to read it by, or -errno.
int exec_reopen(int path_fd, int flags);
// Is the digest of such a file in the memory of digests?
bool exec_digest_known(const struct stat *st, uint8_t ret_sha256[SHA256_LEN]);
// The digest of what path_fd holds. fresh: not from the memory of digests. 0 or -errno.
int exec_digest(int path_fd, bool fresh, struct stat *ret_st, uint8_t ret_sha256[SHA256_LEN]);
// A sealed copy that can be run, with the digest of its content. A descriptor, or -errno.
int exec_copy(int path_fd, uint8_t ret_sha256[SHA256_LEN]);

// Scripts that were approved although the sandbox may not read them: their interpreters may, once
// they run, and read the copy of what was approved. Under the supervisor's lock.
#define EXEC_SCRIPTS_MAX 64
struct exec_script {
    pid_t pid; /* of the interpreter; 0: free */
    uint64_t start_time;
    uint64_t dev, ino; /* of the script */
    int copy;          /* sealed; owned */
};
struct exec_scripts {
    struct exec_script rows[EXEC_SCRIPTS_MAX];
    size_t next;
};
struct open_call;
void exec_scripts_done(struct exec_scripts *x);
// copy stays the caller's.
void exec_scripts_add(struct exec_scripts *x, pid_t pid, const struct stat *st, int copy);
// Answers the open of such a script by its interpreter; false when it is none. st: of the object.
bool exec_scripts_serve(struct exec_scripts *x, int listener, const struct open_call *c,
                        const struct stat *st);

// Programs that were refused a moment ago, so that their tasks' look at them asks nobody again.
// Under the supervisor's lock.
#define EXEC_REFUSALS_MAX 64
struct exec_refusal {
    pid_t tid; /* that was refused; 0: free */
    uint64_t dev, ino;
    uint64_t request; /* that was refused; 0: by a rule */
    uint8_t sha256[SHA256_LEN];
    uint64_t start_time, until_ns; /* filled in */
};
struct exec_refusals {
    struct exec_refusal rows[EXEC_REFUSALS_MAX];
    size_t next;
};
void exec_refusals_add(struct exec_refusals *x, const struct exec_refusal *r);
// What it was refused for, when it is the look of such a task, its only one; else NULL. st: of the
// object. Valid until the next is added.
const struct exec_refusal *exec_refusals_take(struct exec_refusals *x, const struct open_call *c,
                                              const struct stat *st);

// How a call is to be carried out.
struct exec_order {
    int listener;
    bool native;            /* the floor lets the kernel run it under its own name */
    bool copy;              /* the floor forbids the original of what is run */
    int script[EXEC_PARTS]; /* copies of scripts that could not be read otherwise, or -1 */
    // The program is in place as process pid and has not run an instruction.
    void (*started)(struct exec_order *o, pid_t pid);
    // Something else than what was approved is: it is killed next.
    void (*mismatch)(struct exec_order *o);
    atomic_bool restarted; /* the call comes to the listener once more: let it through */
};
// Carries it out, traced: when the new program is in place and before its first instruction, it is
// compared with what was approved, and killed if it is something else. 0: the call was answered, or
// its task is gone. -errno: it is still to be answered; -NONO_ECHANGED: the content is not
// what was looked at, to be judged anew.
int exec_run(struct exec_order *o, struct exec_call *c, const struct resolved *ends);
