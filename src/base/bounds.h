// SPDX-License-Identifier: Apache-2.0
// Every cap of the program, in one place. Reaching one is a visible state with a defined answer.
#pragma once

// The thread that writes a session's record; it tells a supervisor from other commands (peer.c).
#define RECORD_THREAD "nono-db"
#define NONO_PATH_MAX 4096     /* bytes of a path copied from a task, its NUL included */
#define NONO_ARGV_MAX 4096     /* bytes of argv kept with a request */
#define NONO_ANCESTRY_MAX 8    /* ancestors named in a request */
#define NONO_SYMLINKS_MAX 40   /* symbolic links followed in one resolution, as the kernel's */
#define NONO_PENDING_MAX 16384 /* rows in the pending table; beyond: refused, rate_limited */
#define NONO_WAITERS_MAX 32768 /* parked notifications in all rows; beyond: refused */
#define NONO_GRANTS_MAX 4096   /* live session grants; beyond: the decision counts once */
#define NONO_GRANT_NS_MAX (365 * 86400 * 1000000000ull) /* longest life of a timed grant */
#define NONO_REFUSALS_MAX 4096           /* distinct refusals whose repeats are counted */
#define NONO_WORKERS_MAX 4096            /* on-behalf operations that may block at the same time */
#define NONO_WORKERS_KEPT 256            /* of them not for what a peer may block for ever */
#define NONO_CLOSERS_MAX 256             /* of its files that are closed at the same time */
#define NONO_QUEUE_UI 4096               /* supervisor -> main */
#define NONO_QUEUE_DB 8192               /* anyone -> writer */
#define NONO_QUEUE_SUPERVISOR 65536      /* anyone -> supervisor; acknowledgements always fit */
#define NONO_QUEUE_SUPERVISOR_KEEP 49152 /* slots that only acknowledgements may use */
#define NONO_CLIENTS_MAX 32              /* clients of one control socket */
#define NONO_LINE_MAX (1024 * 1024)      /* bytes of one control line */
#define NONO_DETACHED_NS                                                                           \
    (3 * 1000000000ull) /* a call sent back for a signal may return this long */
// Nothing is found out any longer before it is asked; so many of these are asked in a tick.
#define NONO_UNASKED_NS (2 * 1000000000ull)
#define NONO_ASKED_AT_ONCE 64
#define NONO_CAPABILITIES_MAX 4096
#define NONO_DENIALS_MAX 1024
#define NONO_FLOOR_RULES_MAX 16384          /* Landlock rules; what has none is served on behalf */
#define NONO_SOCKET_RULES_MAX 1024          /* of each kind: hosts, ports, UNIX sockets */
#define NONO_CONTROL_MAX (128 * 1024)       /* bytes of a message's control data */
#define NONO_MESSAGE_MAX (16 * 1024 * 1024) /* bytes of a message that cannot be cut */
#define NONO_SENDS_MAX (64 * 1024 * 1024)   /* bytes held for sends that wait; beyond: ENOMEM */
#define NONO_HOSTS_MAX 4096                 /* host names whose addresses are known */
#define NONO_LOOKUPS_MAX 16                 /* looked up at the same time: of tasks, of rules */
#define NONO_SOCKETS_MAX 4096               /* sockets of the sandbox's own that are known */
#define NONO_PROFILE_MAX (1024 * 1024)      /* bytes of a profile */
#define NONO_VERIFIED_MAX (4 * 1024 * 1024) /* bytes of a file that is verified */
#define NONO_EXTENDS_MAX 16                 /* profiles that one is built on, in a row */
// Entries of directories that are looked through for other names of what is refused.
#define NONO_NAMES_MAX 1000000
// Refused objects that are held by a descriptor; the inode number of any other may become that of a
// file that is then refused by mistake.
#define NONO_HELD_MAX 256
// A program that is asked about: bytes of its argv (beyond: E2BIG) and of its file (refused).
#define NONO_EXEC_ARGV_MAX (2 << 20)
#define NONO_EXEC_SHOWN_MAX 12288 /* bytes of argv as shown; beyond: high risk, and a digest */
#define NONO_EXEC_PROGRAM_MAX (1 << 30)
// Of a program that asks: bytes of its file, files at a time, requests that wait for one; beyond:
// its digest is not known.
#define NONO_ASKER_MAX (512 << 20)
#define NONO_ASKERS_MAX 16
#define NONO_ASKER_REQUESTS_MAX 128
#define NONO_COPIES_MAX 1024 /* programs that run as a copy whose names are known */
// What is kept of the terminal of a session (--record), compressed; beyond: a fault, and no more.
#define NONO_RECORDED_MAX (64 * 1024 * 1024)
#define NONO_IPC_MAX 4096 /* System V objects of each kind that are known as the sandbox's own */
