// SPDX-License-Identifier: Apache-2.0
// A request: what a task of the sandbox asked for, with the facts that decide. Immutable once
// published; a copy is passed to each thread that needs one. Paths and argv are bytes, never
// assumed to be UTF-8; they are shown through display_escape() only.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "enums.h"
#include "file_state.h"

#define DIGEST_LEN 16
#define SHA256_LEN 32

// What the held descriptor says of the target (statx); for a create, of its parent directory.
struct object {
    bool exists; /* false: the target does not exist yet, the rest describes the parent */
    uint64_t dev;
    uint64_t ino;
    uint32_t mode; /* type and permission bits */
    uint32_t uid;
    uint32_t gid;
    uint64_t size;
    uint64_t nlink;
};

// The other side of a socket call. Plain numbers from the one copied sockaddr.
struct endpoint {
    int family;       /* AF_UNIX, AF_INET, AF_INET6, AF_NETLINK; 0: not a socket call */
    int type;         /* SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET */
    uint16_t port;    /* host order */
    uint8_t addr[16]; /* of AF_INET (first 4 bytes) and AF_INET6, v4-mapped ones made AF_INET */
    uint32_t scope_id;
    bool abstract; /* AF_UNIX: the name is request.resolved, without its leading NUL */
    bool loopback;
    bool own; /* an address of this machine, as its interfaces say; known to the supervisor alone */
};

// "unix", "inet", "inet6", "netlink"; "stream", "dgram", "seqpacket"; "other" for anything else.
// From a word: -EINVAL for one that is none of these.
const char *family_to_string(int family);
int family_from_string(const char *s);
const char *socket_type_to_string(int type);
int socket_type_from_string(const char *s);

// The address of AF_INET or AF_INET6 without its port: "192.0.2.1", "fe80::1%2"; of others "". The
// caller frees it.
char *endpoint_address(const struct endpoint *e);

struct request {
    uint64_t id; /* from 1, unique in its session */
    enum op op;
    unsigned access;                /* bits of enum access that the operation needs */
    const char *call;               /* name of the system call, static storage: "openat" */
    uint64_t flags;                 /* the call's flags as given */
    uint32_t mode;                  /* the call's mode as given */
    pid_t pid;                      /* thread group */
    pid_t tid;                      /* the thread that waits */
    uint64_t start_time;            /* of tid, clock ticks since boot */
    uint32_t uid;                   /* its file system uid */
    char *exe;                      /* program path; "" when it could not be read */
    uint8_t exe_sha256[SHA256_LEN]; /* of its content; valid with has_exe_sha256 */
    bool has_exe_sha256;
    // Which file in which state exe is, or the digest of a sealed copy; zeros: unknown. The
    // supervisor's alone, neither shown nor kept.
    struct file_state exe_state;
    char *argv; /* NUL-separated, cut at NONO_ARGV_MAX */
    size_t argv_len;
    char *cwd;
    char *ancestry; /* "claude/48102 > bash/48190", oldest first; "" for none */
    char *target;   /* the path as the task wrote it */
    char *resolved; /* absolute path of the held object (or parent/leaf) */
    size_t
        covered; /* bytes of resolved, from its start, that the nearest capability's path shares */
    // That capability in words, "rw /home/u/shop (--allow)", "" for none; or the denial that
    // refuses it: "deny /home/u/shop/.env (--deny)"; or REQUEST_ASKS_PROGRAMS and what says so.
    char *nearest;
    enum reason why; /* policy_blocked or insufficient_access */
    struct object object;
    // Rename and link: the other end (target is where from, this is where to); else "".
    char *target2;
    char *resolved2;
    struct object object2;
    char *detail;      /* what else the call would do, in words: "mode 0644 -> 0777"; or "" */
    char *interpreter; /* exec of a script: the program of its #! line; else "" */
    uint8_t sha256[SHA256_LEN]; /* exec: of the program's content; valid with has_sha256 */
    bool has_sha256;
    struct endpoint peer; /* socket calls; resolved is then its text: "host:port", a path */
    char *host;           /* the name that was looked up for peer; "" for none */
    enum risk risk;
    char *tags; /* comma-separated: "ssh-key,credentials"; "" for none */
    uint64_t raised_real_ns;
    uint64_t raised_mono_ns;
    uint64_t deadline_mono_ns;  /* 0: waits for ever */
    unsigned count;             /* identical requests joined to this one, itself included */
    uint8_t digest[DIGEST_LEN]; /* of the facts shown, see request_seal() */
};

struct request *request_new(void);
// Deep copy.
struct request *request_dup(const struct request *r);
// Takes NULL, returns NULL.
struct request *request_free(struct request *r);
#define cleanup_request __attribute__((cleanup(request_freep)))
void request_freep(struct request **r);
// For struct msg.
void request_free_msg(void *r);

// Is it refused by a denial, whatever capabilities and decisions say?
bool request_is_denied(const struct request *r);
// What nearest starts with where no capability counts, because of --exec ask.
#define REQUEST_ASKS_PROGRAMS "every program is asked about"
bool request_asks_programs(const struct request *r);

// Can a decision be for its program alone? That of a socket call, when the program is a file that
// has a name.
bool request_names_program(const struct request *r);

// Sets the digest over every fact that a person is shown. A decision carries it back: what was
// seen is what is decided.
void request_seal(struct request *r);

// A change of a request that was published before. Plain data: may be copied.
struct request_update {
    uint64_t id;
    enum state state;
    unsigned count;
    uint64_t deadline_mono_ns; /* a later one than was told; 0: none is told */
    enum verdict verdict;      /* valid from STATE_DECIDED on, else _VERDICT_INVALID */
    enum decider by;           /* likewise */
    enum scope scope;          /* likewise */
    int error; /* 0; else -errno: no change, a decision was not taken and the request waits on */
};
