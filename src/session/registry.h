// SPDX-License-Identifier: Apache-2.0
// Where sessions are found: directories, ids, the control socket of each running one. Any thread.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"
#include "event.h"

// Absolute paths; the caller frees them. State: $XDG_STATE_HOME/nono or ~/.local/state/nono;
// runtime: $XDG_RUNTIME_DIR/nono or <state>/run; configuration: $XDG_CONFIG_HOME/nono or
// ~/.config/nono. A value that is not absolute is ignored, and so is an $XDG_RUNTIME_DIR that
// belongs to somebody else (su keeps it). HOME unset: from the password database. NULL when there
// is no home at all.
char *registry_state_dir(void);
char *registry_runtime_dir(void);
char *registry_config_dir(void);
// That an $XDG_RUNTIME_DIR is ignored for that, or NULL; and that no session runs, with it.
char *registry_skipped_text(void);
char *registry_none_text(void);
// $HOME without a symbolic link; NULL for none.
char *registry_home(void);
// <state>/audit.db
char *registry_default_db(void);
// <state>/audit.key
char *registry_key_file(void);
// The same, or <db>.key where that directory cannot be had: --db works without a home. Makes the
// directory.
char *registry_key_file_for(const char *db);
// <runtime>/<id>.sock
char *registry_socket_path(const char *id);

// A fresh session description: random id, this process, its boot. Strings are owned by the result;
// every argument is followed by a NUL; capabilities are "".
struct session_info *registry_new_session(const char *name, char **argv);

// "claude -p (/home/u/shop)": what it runs and where, cut where it is too long for a title. Foreign
// bytes. The caller frees it.
char *session_title(const struct session_info *s);

// Is the process that supervised the session still the same and alive? A zombie is not.
bool registry_alive(pid_t pid, uint64_t start_time, const char *boot_id);

struct registry_socket {
    char *id;
    char *path;
    uint64_t bound_ns; /* real time */
};

// The sockets of the running sessions, oldest first. No runtime directory: none. The caller frees
// the list with registry_free_sockets(). -EACCES inside of a sandbox, said in *err.
int registry_list_sockets(struct registry_socket **ret_list, size_t *ret_n, struct err *err);
void registry_free_sockets(struct registry_socket *list, size_t n);

// Removes the sockets of sessions that are gone.
void registry_sweep(void);

// <runtime>/<id>.sock of the running session that spec names: NULL for the only one running; an id,
// a unique prefix of at least 2 characters, a name (asked over the socket), "@" for the newest,
// "@{N}" for the Nth newest before it. *ret_id and *ret_path are the caller's to free. -ENOENT and
// -EEXIST (not unique) come with a list in *err.
int registry_find_socket(const char *spec, char **ret_id, char **ret_path, struct err *err);
