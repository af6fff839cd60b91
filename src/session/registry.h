// SPDX-License-Identifier: Apache-2.0
// Where sessions are found: directories, ids, the control socket of each running one. Any thread.
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"
#include "event.h"

// Absolute paths; the caller frees them. State: $XDG_STATE_HOME/nono or ~/.local/state/nono;
// runtime: $XDG_RUNTIME_DIR/nono or <state>/run; configuration: $XDG_CONFIG_HOME/nono or
// ~/.config/nono. HOME unset: from the password database. NULL when there is no home at all.
char *registry_state_dir(void);
char *registry_runtime_dir(void);
char *registry_config_dir(void);
// <state>/audit.db
char *registry_default_db(void);

// A fresh session description: random id, this process, its boot. Strings are owned by the result.
struct session_info *registry_new_session(const char *name, char **argv);

// Is the process that supervised the session still the same and alive?
bool registry_alive(pid_t pid, uint64_t start_time, const char *boot_id);

// <runtime>/<id>.sock of the running session that spec names: NULL for the only one running; an id,
// a unique prefix of at least 2 characters, a name (asked over the socket), "@" for the newest.
// *ret_id and *ret_path are the caller's to free. -ENOENT and -EEXIST (not unique) come with a list
// in *err.
int registry_find_socket(const char *spec, char **ret_id, char **ret_path, struct err *err);
