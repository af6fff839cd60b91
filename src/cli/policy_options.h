// SPDX-License-Identifier: Apache-2.0
// The options that say what a session may do, shared by nono run and nono why, and what they come
// to together with the profile and nono's own protected places.
#pragma once
#include "capability.h"
#include "options.h"
#include "profile.h"
#include "socket_policy.h"
#include "trust_policy.h"

enum policy_option {
    OPT_ALLOW_FILE = OPTIONS_LONG + 1000,
    OPT_READ_FILE,
    OPT_WRITE_FILE,
    OPT_DENY,
    OPT_WORKDIR,
    OPT_TRUST,
    OPT_TRUST_SIGNERS,
    OPT_NET,
    OPT_CONNECT,
    OPT_BIND,
    OPT_PROXY,
    OPT_UNIX_SOCKETS,
    OPT_UNIX, // and its kin, in the order of enum unix_reach, each with and without bind
    OPT_UNIX_BIND,
    OPT_UNIX_DIR,
    OPT_UNIX_DIR_BIND,
    OPT_UNIX_SUBTREE,
    OPT_UNIX_SUBTREE_BIND,
};

// read, write: the long names of -r and -w.
#define POLICY_ROWS(read, write)                                                                   \
    {'p', "profile", "NAME|FILE", "what is allowed and denied (nono profile list)"},               \
        {'a', "allow", "DIR", "read and write below DIR"},                                         \
        {'r', read, "DIR", "read, and run programs, below DIR"},                                   \
        {'w', write, "DIR", "write below DIR"},                                                    \
        {OPT_ALLOW_FILE, "allow-file", "F", "exactly F; also --read-file F and --write-file F"},   \
        {OPT_READ_FILE, "read-file", "F", NULL}, {OPT_WRITE_FILE, "write-file", "F", NULL},        \
        {OPT_DENY, "deny", "PATH", "never asked, always refused; also inside what is allowed"},    \
        {OPT_WORKDIR, "workdir-access", "A",                                                       \
         "none, read, write, readwrite: the current directory"},                                   \
        {OPT_TRUST, "trust", "HOW",                                                                \
         "deny, warn, audit: unsigned instruction files; --trust-signers FILE"},                   \
        {OPT_TRUST_SIGNERS, "trust-signers", "FILE", NULL},                                        \
        {OPT_NET, "net", "MODE", "ask (default), allow or block the network"},                     \
        {OPT_CONNECT, "allow-connect", "HOST:PORT",                                                \
         "a name, address, CIDR or *; a port or *; --allow-bind PORT[-PORT]"},                     \
        {OPT_BIND, "allow-bind", "PORT[-PORT]", NULL},                                             \
        {OPT_PROXY, "proxy-port", "PORT", "connect to this port of loopback and nowhere else"},    \
        {OPT_UNIX_SOCKETS, "unix-sockets", "MODE", "ask (default), allow or block UNIX sockets"},  \
        {OPT_UNIX, "allow-unix-socket", "P",                                                       \
         "connect to P; -dir D, -subtree D: in, below D; -bind"},                                  \
        {OPT_UNIX_BIND, "allow-unix-socket-bind", "P", NULL},                                      \
        {OPT_UNIX_DIR, "allow-unix-socket-dir", "D", NULL},                                        \
        {OPT_UNIX_DIR_BIND, "allow-unix-socket-dir-bind", "D", NULL},                              \
        {OPT_UNIX_SUBTREE, "allow-unix-socket-subtree", "D", NULL},                                \
    {                                                                                              \
        OPT_UNIX_SUBTREE_BIND, "allow-unix-socket-subtree-bind", "D", NULL                         \
    }

struct policy_args {
    struct capability_set set;
    struct profile profile;
    const char *profile_name; /* NULL: "default" */
    int workdir;              /* WORKDIR_*, -1: not given */
    bool names_found;         /* every name of what is refused is known */
    struct socket_policy sockets;
    struct trust_policy trust_policy;
    int trust;             /* TRUST_*, -1: not given */
    const char *signers;   /* --trust-signers */
    int net, unix_sockets; /* enum socket_mode, -1: not given */
};
#define POLICY_ARGS_NONE                                                                           \
    (struct policy_args)                                                                           \
    {                                                                                              \
        .workdir = -1, .trust = -1, .net = -1, .unix_sockets = -1                                  \
    }

void policy_args_done(struct policy_args *a);

// Takes the option just returned. 0, or -errno: *err is set, or options_*() has said it; -ENOENT
// without a message when it is none of POLICY_ROWS.
int policy_option(struct policy_args *a, struct options *o, int opt, struct err *err);
// To be called once, behind the options: loads the profile, adds the current directory, protects
// what is nono's own (db: absolute path of the record, or NULL) and seals the set.
int policy_complete(struct policy_args *a, const char *db, struct err *err);

// I7: protects the state, configuration and runtime directories, what links in them lead to, the
// database wherever it is (db: its absolute path, or NULL), and the devices that must stay out of
// reach.
void policy_protect_own(struct capability_set *s, const char *db);

// The file of those whom "nono trust allow-signer" added, there or not; NULL without a home. The
// caller frees it.
char *policy_default_signers(void);

// What policy_complete() does for instruction files alone: loads the profile, the signers and the
// patterns.
int policy_load_trust(struct policy_args *a, struct err *err);
// Prints what the patterns were warned about.
void policy_warn_trust(const struct trust_policy *t);

// Adds what a profile says of sockets. recorded: for calls of the past; nothing has to be there
// now.
int policy_profile_sockets(struct socket_policy *p, const struct profile *profile,
                           const struct profile_env *env, bool recorded, struct err *err);

// Where the variables of profiles lead, for this process.
struct policy_env {
    struct profile_env env; /* into what follows */
    char *home, *workdir, *dir;
};
void policy_env_init(struct policy_env *e);
void policy_env_done(struct policy_env *e);
// What says that every program is asked about: "--exec ask", "shop.json:7"; NULL when nothing does.
// option: of --exec, EXEC_*, -1: not given.
const char *policy_asks_programs(const struct policy_args *a, int option);
// Why hardly any program will start under the set, in one line; NULL when that is not so.
const char *policy_starts_nothing(const struct capability_set *s);
// Prints on standard error what the profiles that were loaded were warned about,
void policy_print_warnings(const struct profile *p);
// and besides what weakens the policy as a whole.
void policy_warn(const struct policy_args *a);
