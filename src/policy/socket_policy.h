// SPDX-License-Identifier: Apache-2.0
// What a session may do with sockets, and how an address is judged by it. Pure, but for
// socket_policy_add_unix(), which looks the path up once, and socket_is_own(). One owner; constant
// once the session runs.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "enums.h"
#include "err.h"
#include "request.h"

enum socket_mode { SOCKETS_ASK, SOCKETS_ALLOW, SOCKETS_BLOCK };

// --allow-connect: a host or many, a port or all.
struct host_rule {
    char *name; /* in lower case; NULL: addresses, family says which */
    int family; /* AF_INET, AF_INET6; 0: any address */
    uint8_t addr[16];
    unsigned prefix; /* bits of addr that count */
    uint16_t port;   /* 0: any */
    char *source;    /* "--allow-connect", "shop.json:7" */
};

struct port_range {
    uint16_t from, to;
    char *source;
};

enum unix_reach { UNIX_FILE, UNIX_DIR, UNIX_SUBTREE };

// --allow-unix-socket and its kin.
struct unix_grant {
    enum unix_reach reach;
    bool bind;  /* connecting and binding; else connecting */
    char *path; /* canonical */
    char *source;
};

// A socket that the environment of nono names.
struct socket_named {
    char *path; /* canonical */
    const struct unix_row *row;
};

struct socket_policy {
    enum socket_mode net, unix_sockets;
    uint16_t proxy_port; /* only loopback:proxy_port may be connected to; 0: no such limit */
    struct host_rule *hosts;
    size_t n_hosts;
    struct port_range *ports; /* that may be bound */
    size_t n_ports;
    struct unix_grant *grants;
    size_t n_grants;
    struct socket_named *named;
    size_t n_named;
    uint16_t display_port; /* of DISPLAY, were it on TCP; 0: none */
};

void socket_policy_done(struct socket_policy *p);

// "example.org:443", "10.0.0.0/8:*", "[::1]:80", "*:22". 0, or -EINVAL with *err naming source.
int socket_policy_add_host(struct socket_policy *p, const char *text, const char *source,
                           struct err *err);
// Can it be a name in such a rule? One that looks like an address, in any notation that programs
// take for one, cannot.
bool socket_is_host_name(const char *s);
// Any host at that port.
void socket_policy_add_port(struct socket_policy *p, uint16_t port, const char *source);
// "8080", "8000-8099".
int socket_policy_add_bind(struct socket_policy *p, const char *text, const char *source,
                           struct err *err);
// path may be missing only where it is to be bound. 0 or -errno with *err naming source and path.
int socket_policy_add_unix(struct socket_policy *p, enum unix_reach reach, bool bind,
                           const char *path, const char *source, struct err *err);

// What SSH_AUTH_SOCK, DOCKER_HOST, TMUX, DISPLAY and their like name. get: getenv(3).
void socket_policy_add_environment(struct socket_policy *p, char *(*get)(const char *name));
// The sockets that the environment of another process names, as it does: n bytes of NAME=VALUE, a
// NUL behind each. Asks no file system.
void socket_policy_add_environ(struct socket_policy *p, const char *environ, size_t n);
// The same for what may lie on no disk: links are followed as far as the path is there.
int socket_policy_add_missing_unix(struct socket_policy *p, enum unix_reach reach, bool bind,
                                   const char *path, const char *source, struct err *err);

enum socket_answer { SOCKET_ALLOW, SOCKET_ASK, SOCKET_DENY };

struct socket_verdict {
    enum socket_answer answer;
    enum reason reason;         /* with SOCKET_DENY; with SOCKET_ASK why no rule covers it */
    enum net_category category; /* with SOCKET_DENY */
    const char *text;           /* why, in words; static storage */
    const char *nearest;        /* source of the rule that allows it, or NULL */
    bool names; /* a rule for a name has that port: the name may lead there by now */
    bool fixed; /* I4: no option and nobody can allow it */
};

// Does the supervisor's own look at name give that address?
struct socket_names {
    bool (*leads_to)(void *ctx, const char *name, const struct endpoint *e);
    void *ctx;
};

// op: OP_CONNECT, OP_BIND or OP_SEND. e is of AF_INET or AF_INET6. names may be NULL.
void socket_judge_inet(const struct socket_policy *p, enum op op, const struct endpoint *e,
                       const struct socket_names *names, struct socket_verdict *ret);

enum unix_name { UNIX_PATH, UNIX_ABSTRACT, UNIX_UNNAMED };

// path: canonical, for UNIX_PATH. ours: a socket that the sandbox bound, or, for OP_BIND, a place
// that it may write to.
void socket_judge_unix(const struct socket_policy *p, enum op op, enum unix_name kind,
                       const char *path, bool ours, struct socket_verdict *ret);

// I4: sockets of terminal multiplexers and displays: whoever may write there types into the
// terminal where requests are decided. What it is, or NULL. p may be NULL: whatever the environment
// names.
const char *socket_forbidden(const struct socket_policy *p, const char *path);
bool socket_named_is_forbidden(const struct socket_named *n);
// Is the program whose name (comm) that is one of them, wherever its socket lies?
bool socket_is_multiplexer(const char *comm);
// Likewise on TCP, for all that the number says: asked about where the network is allowed, and by a
// rule for any port. The one of DISPLAY is refused.
bool socket_is_display(const struct socket_policy *p, const struct endpoint *e);
bool socket_is_session_display(const struct socket_policy *p, const struct endpoint *e);

// Risk of an address; *ret_tag and *ret_gives (what it would give) are static, NULL for none.
enum risk socket_risk_unix(const struct socket_policy *p, const char *path, const char **ret_tag,
                           const char **ret_gives);
enum risk socket_risk_inet(const struct socket_policy *p, enum op op, const struct endpoint *e,
                           const char **ret_tag, const char **ret_gives);

// 127/8, ::1; endpoints hold v4-mapped addresses as AF_INET.
bool socket_is_loopback(int family, const uint8_t addr[16]);
// Does it lie in the public Internet for sure? Not this machine, a private or a local network, nor
// an address that carries another one.
bool socket_is_public(int family, const uint8_t addr[16]);
// Is it one of this machine's own, as far as the numbers do not say so? Asks the kernel now.
bool socket_is_own(int family, const uint8_t addr[16]);

// The whole policy in words, a line each: "net ask\n". The caller frees it.
char *socket_policy_describe(const struct socket_policy *p);
