// SPDX-License-Identifier: Apache-2.0
// Profiles: what a session may do, as a file (nono-profile(5)). Loaded once, before anything is
// confined; one owner.
//
// A profile is a list of items, those of the profiles that it extends first. Each knows the line
// that it comes from. What a key holds many of adds up; of what it holds one of (profile_last())
// the last counts.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "capability.h"
#include "err.h"

// Group and name of the key in the file, what it holds, and the access that a path gets.
#define PROFILE_KEY_LIST(X)                                                                        \
    X(PROFILE_META_NAME, "meta", "name", TEXT, 0)                                                  \
    X(PROFILE_META_VERSION, "meta", "version", TEXT, 0)                                            \
    X(PROFILE_META_DESCRIPTION, "meta", "description", TEXT, 0)                                    \
    X(PROFILE_META_AUTHOR, "meta", "author", TEXT, 0)                                              \
    X(PROFILE_EXTENDS, "", "extends", TEXTS, 0)                                                    \
    X(PROFILE_ALLOW, "filesystem", "allow", PATHS, ACCESS_READ | ACCESS_WRITE)                     \
    X(PROFILE_READ, "filesystem", "read", PATHS, ACCESS_READ)                                      \
    X(PROFILE_WRITE, "filesystem", "write", PATHS, ACCESS_WRITE)                                   \
    X(PROFILE_ALLOW_FILE, "filesystem", "allow_file", PATHS, ACCESS_READ | ACCESS_WRITE)           \
    X(PROFILE_READ_FILE, "filesystem", "read_file", PATHS, ACCESS_READ)                            \
    X(PROFILE_WRITE_FILE, "filesystem", "write_file", PATHS, ACCESS_WRITE)                         \
    X(PROFILE_DENY, "filesystem", "deny", NAMES, 0)                                                \
    X(PROFILE_UNIX_SOCKET, "filesystem", "unix_socket", PATHS, 0)                                  \
    X(PROFILE_UNIX_SOCKET_BIND, "filesystem", "unix_socket_bind", PATHS, 0)                        \
    X(PROFILE_UNIX_SOCKET_DIR, "filesystem", "unix_socket_dir", PATHS, 0)                          \
    X(PROFILE_UNIX_SOCKET_DIR_BIND, "filesystem", "unix_socket_dir_bind", PATHS, 0)                \
    X(PROFILE_UNIX_SOCKET_SUBTREE, "filesystem", "unix_socket_subtree", PATHS, 0)                  \
    X(PROFILE_UNIX_SOCKET_SUBTREE_BIND, "filesystem", "unix_socket_subtree_bind", PATHS, 0)        \
    X(PROFILE_WORKDIR_ACCESS, "workdir", "access", WORD, 0)                                        \
    X(PROFILE_NETWORK_BLOCK, "network", "block", FLAG, 0)                                          \
    X(PROFILE_CONNECT_PORT, "network", "connect_port", PORTS, 0)                                   \
    X(PROFILE_LISTEN_PORT, "network", "listen_port", PORTS, 0)                                     \
    X(PROFILE_ALLOW_CONNECT, "network", "allow_connect", ENDPOINTS, 0)                             \
    X(PROFILE_EXEC, "", "exec", WORD, 0)                                                           \
    X(PROFILE_TRUST_PATTERNS, "trust", "patterns", TEXTS, 0)                                       \
    X(PROFILE_TRUST_SIGNERS, "trust", "signers", PATHS, 0)                                         \
    X(PROFILE_TRUST_ENFORCEMENT, "trust", "enforcement", WORD, 0)                                  \
    X(PROFILE_REDACT, "", "redact", TEXTS, 0)

#define PROFILE_KEY_VALUE_(key, group, name, type, access) key,
enum profile_key { PROFILE_KEY_LIST(PROFILE_KEY_VALUE_) _PROFILE_KEY_MAX };

struct profile_item {
    enum profile_key key;
    char *value;     /* as written; a number or a flag in digits */
    uint64_t number; /* PORTS; ENDPOINTS: the port, 0 for "*"; FLAG: 0 or 1; WORD: see below */
    char *source;    /* "shop.json:7" */
    bool builtin;    /* of a built-in profile */
};

// WORD: the index into these.
enum { WORKDIR_NONE, WORKDIR_READ, WORKDIR_WRITE, WORKDIR_READWRITE };
enum { EXEC_ALLOW, EXEC_ASK };
enum { TRUST_DENY, TRUST_WARN, TRUST_AUDIT };

struct profile {
    struct profile_item *items;
    size_t n;
    char **loaded; /* canonical path or "built in: NAME" of each file, in the order of the items */
    size_t n_loaded;
    struct buf warnings; /* a line each: "/home/u/shop.json:3: unknown key \"x\"\n" */
};

// Where the variables of paths lead. NULL: not set; a path that needs it is an error, one that
// needs $TMPDIR is left out.
struct profile_env {
    const char *home;
    const char *workdir;
    const char *tmpdir;
    const char *dir; /* of the user's profiles; searched before the built-in ones */
};

#define cleanup_profile __attribute__((cleanup(profile_done)))
void profile_done(struct profile *p);

// Adds the profile and what it extends. name is a file when it holds a slash or ends in ".json",
// else that of a profile of the user or of a built-in one. 0 or -errno, *err naming file and line.
int profile_load(struct profile *p, const char *name, const struct profile_env *env,
                 struct err *err);
// Adds the items of one text (without what it extends: PROFILE_EXTENDS is an item like the others).
// name is what messages call it, base what the items' sources call it.
int profile_parse(struct profile *p, const char *text, size_t len, const char *name,
                  const char *base, struct err *err);

// What tells one profile from another, for what is remembered: the canonical path of the file, the
// name of a built-in one. NULL before one was loaded.
const char *profile_identity(const struct profile *p);

// The item that counts of a key that holds one value; NULL for none.
const struct profile_item *profile_last(const struct profile *p, enum profile_key key);
// "filesystem.allow". Static storage.
const char *profile_key_name(enum profile_key key);
// Does it hold many values? Else the last one counts.
bool profile_key_is_list(enum profile_key key);
// Does the key hold paths or names with variables in them?
bool profile_key_expands(enum profile_key key);

// The value with its variable in place. 1, 0 when it is left out ($TMPDIR), -errno with *err.
// *ret_fixed (may be NULL): bytes at the start that the variable stood for.
int profile_expand(const struct profile_item *item, const struct profile_env *env, char **ret_path,
                   size_t *ret_fixed, struct err *err);
// The same for the path of an option, which may also be relative to the current directory: a
// variable that the shell has left alone means what it means in a profile. names: a name without a
// slash is one at any depth, as in "deny". 0 or -errno with *err.
int profile_expand_option(const char *value, bool names, const char *source,
                          const struct profile_env *env, char **ret_path, size_t *ret_fixed,
                          struct err *err);

// Adds what the filesystem keys allow and deny.
int profile_apply(const struct profile *p, const struct profile_env *env, struct capability_set *s,
                  struct err *err);

// The names that can be given without a slash, the user's first; NULL ends it. The caller frees
// each and the list.
char **profile_names(const struct profile_env *env);
