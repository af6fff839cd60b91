// SPDX-License-Identifier: Apache-2.0
#include "registry.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "client.h"
#include "clock.h"
#include "display.h"
#include "peer.h"
#include "util.h"

#define ID_LEN 12
#define ASK_TIMEOUT_MS 1000
#define TITLE_MAX 200 /* bytes of a command in a title */

static char *
home_dir(void)
{
    const char *home = getenv("HOME");
    if (home && home[0] == '/')
        return xstrdup(home);
    const struct passwd *pw = getpwuid(geteuid());
    return pw && pw->pw_dir && pw->pw_dir[0] == '/' ? xstrdup(pw->pw_dir) : NULL;
}

static char *
xdg_dir(const char *variable, const char *below_home)
{
    const char *base = getenv(variable);
    if (base && base[0] == '/')
        return xasprintf("%s/nono", base);
    cleanup_free char *home = home_dir();
    return home ? xasprintf("%s/%s/nono", strcmp(home, "/") == 0 ? "" : home, below_home) : NULL;
}

char *
registry_state_dir(void)
{
    return xdg_dir("XDG_STATE_HOME", ".local/state");
}

char *
registry_config_dir(void)
{
    return xdg_dir("XDG_CONFIG_HOME", ".config");
}

static bool
is_foreign(const char *base)
{
    struct stat st;
    return stat(base, &st) == 0 && st.st_uid != geteuid();
}

char *
registry_home(void)
{
    const char *home = getenv("HOME");
    return home ? realpath(home, NULL) : NULL;
}

char *
registry_runtime_dir(void)
{
    const char *base = getenv("XDG_RUNTIME_DIR");
    if (base && base[0] == '/' && !is_foreign(base))
        return xasprintf("%s/nono", base);
    cleanup_free char *state = registry_state_dir();
    return state ? xasprintf("%s/run", state) : NULL;
}

char *
registry_skipped_text(void)
{
    const char *base = getenv("XDG_RUNTIME_DIR");
    if (!base || base[0] != '/' || !is_foreign(base))
        return NULL;
    cleanup_free char *shown = display_str(base, DISPLAY_QUOTE);
    return xasprintf(
        "XDG_RUNTIME_DIR, %s, is another user's and not read: a session is controlled by "
        "the user who started it",
        shown);
}

char *
registry_none_text(void)
{
    cleanup_free char *skipped = registry_skipped_text();
    return xasprintf("no session is running%s%s", skipped ? "; " : "", skipped ? skipped : "");
}

char *
registry_default_db(void)
{
    cleanup_free char *state = registry_state_dir();
    return state ? xasprintf("%s/audit.db", state) : NULL;
}

char *
registry_key_file(void)
{
    cleanup_free char *state = registry_state_dir();
    return state ? xasprintf("%s/audit.key", state) : NULL;
}

char *
registry_key_file_for(const char *db)
{
    cleanup_free char *state = registry_state_dir();
    if (state && make_private_dir(state) == 0 && access(state, W_OK) == 0)
        return registry_key_file();
    return xasprintf("%s.key", db);
}

char *
registry_socket_path(const char *id)
{
    cleanup_free char *dir = registry_runtime_dir();
    return dir ? xasprintf("%s/%s.sock", dir, id) : NULL;
}

static char *
read_boot_id(void)
{
    char *text = NULL;
    if (read_file_at(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 128, &text) < 0)
        return xstrdup("");
    text[strcspn(text, "\n")] = 0;
    return text;
}

static char *
new_id(void)
{
    uint8_t b[ID_LEN / 2];
    for (size_t n = 0; n < sizeof b;) {
        ssize_t r = getrandom(b + n, sizeof b - n, 0);
        if (r < 0 && errno != EINTR)
            die("no random numbers: %s", strerror(errno));
        n += r > 0 ? (size_t)r : 0;
    }
    return xasprintf("%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
}

struct session_info *
registry_new_session(const char *name, char **argv)
{
    struct session_info *s = xcalloc(1, sizeof *s);
    struct buf words = {0};
    s->id = new_id();
    s->name = xstrdup(name ? name : "");
    s->pid = getpid();
    if (proc_start_time(s->pid, &s->start_time) < 0)
        s->start_time = 0;
    s->boot_id = read_boot_id();
    s->uid = geteuid();
    s->cwd = getcwd(NULL, 0);
    if (!s->cwd)
        s->cwd = xstrdup("");
    for (char **a = argv; a && *a; a++)
        buf_add(&words, *a, strlen(*a) + 1);
    s->argv_len = words.len;
    s->argv = buf_steal(&words);
    s->capabilities = xstrdup("");
    s->started_real_ns = clock_real_ns();
    return s;
}

char *
session_title(const struct session_info *s)
{
    struct buf b = {0};
    size_t n = s->argv_len < TITLE_MAX ? s->argv_len : TITLE_MAX;
    for (size_t i = 0; i + 1 < n; i++) {
        // One line: what was written over several is told by spaces.
        char c = s->argv[i];
        buf_putc(&b, c && c != '\n' && c != '\t' ? c : ' ');
    }
    buf_printf(&b, "%s (%s)", n < s->argv_len ? ".." : "", s->cwd);
    return buf_steal(&b);
}

static bool
is_dead(pid_t pid)
{
    char path[64];
    cleanup_free char *text = NULL;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    if (read_file_at(AT_FDCWD, path, 4096, &text) < 0)
        return true;
    const char *p = strrchr(text, ')');
    return !p || p[1] != ' ' || p[2] == 'Z' || p[2] == 'X';
}

bool
registry_alive(pid_t pid, uint64_t start_time, const char *boot_id)
{
    uint64_t ticks;
    cleanup_free char *boot = read_boot_id();
    if (pid <= 0 || !boot_id || strcmp(boot_id, boot) != 0)
        return false;
    return proc_start_time(pid, &ticks) == 0 && ticks == start_time && !is_dead(pid);
}

static bool
is_id(const char *s, size_t n)
{
    if (n != ID_LEN)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!isdigit((unsigned char)s[i]) && !(s[i] >= 'a' && s[i] <= 'f'))
            return false;
    return true;
}

// The id in "<id>.sock", or NULL.
static char *
socket_id(const char *file)
{
    const char *dot = strchr(file, '.');
    if (!dot || strcmp(dot, ".sock") != 0 || !is_id(file, (size_t)(dot - file)))
        return NULL;
    return xstrndup(file, (size_t)(dot - file));
}

static int
older_first(const void *a, const void *b)
{
    const struct registry_socket *x = a, *y = b;
    if (x->bound_ns != y->bound_ns)
        return x->bound_ns < y->bound_ns ? -1 : 1;
    return strcmp(x->id, y->id);
}

static int
open_runtime_dir(const char *dir, DIR **ret_d, struct err *err)
{
    DIR *d = opendir(dir);
    if (d) {
        *ret_d = d;
        return 0;
    }
    int r = -errno;
    cleanup_free char *shown = display_str(dir, DISPLAY_QUOTE);
    if (r == -EACCES || r == -EPERM)
        return err_set(err, r,
                       "%s may not be read: a session is controlled from outside of its sandbox "
                       "only, by the user who started it",
                       shown);
    return err_set(err, r, "%s: %s", shown, strerror(-r));
}

int
registry_list_sockets(struct registry_socket **ret_list, size_t *ret_n, struct err *err)
{
    struct registry_socket *list = NULL;
    size_t n = 0;
    cleanup_free char *dir = registry_runtime_dir();
    if (!dir)
        return err_set(err, -ENOENT, "no home directory: set HOME or XDG_RUNTIME_DIR");
    DIR *d = NULL;
    int r = open_runtime_dir(dir, &d, err);
    if (r < 0 && r != -ENOENT)
        return r;
    for (const struct dirent *e; d && (e = readdir(d));) {
        struct stat st;
        cleanup_free char *id = socket_id(e->d_name);
        if (!id || fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
            !S_ISSOCK(st.st_mode))
            continue;
        cleanup_free char *path = xasprintf("%s/%s", dir, e->d_name);
        if (!peer_socket_alive(path))
            continue;
        list = xrealloc(list, (n + 1) * sizeof *list);
        list[n++] = (struct registry_socket){
            .id = steal_pointer(&id),
            .path = steal_pointer(&path),
            .bound_ns = (uint64_t)st.st_mtim.tv_sec * NS_PER_SEC + (uint64_t)st.st_mtim.tv_nsec,
        };
    }
    if (d)
        closedir(d);
    if (r < 0 && err)
        err_done(err);
    if (n)
        qsort(list, n, sizeof *list, older_first);
    *ret_list = list;
    *ret_n = n;
    return 0;
}

void
registry_free_sockets(struct registry_socket *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(list[i].id);
        free(list[i].path);
    }
    free(list);
}

void
registry_sweep(void)
{
    cleanup_free char *dir = registry_runtime_dir();
    DIR *d = dir ? opendir(dir) : NULL;
    for (const struct dirent *e; d && (e = readdir(d));) {
        struct stat st;
        cleanup_free char *id = socket_id(e->d_name);
        if (!id || fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
            !S_ISSOCK(st.st_mode))
            continue;
        cleanup_free char *path = xasprintf("%s/%s", dir, e->d_name);
        if (!peer_socket_alive(path))
            unlinkat(dirfd(d), e->d_name, 0);
    }
    if (d)
        closedir(d);
}

// Names are asked for only where nothing else fits. A session that does not answer has none; one
// that refuses us would refuse everything else too.
static int
match_names(const char *spec, const struct registry_socket *list, size_t n, size_t *hits,
            size_t *found, struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        cleanup_free char *name = NULL;
        cleanup_err struct err e = {0};
        int r = client_ask_name(list[i].path, ASK_TIMEOUT_MS, &name, &e);
        if (r == -EPERM || r == -EACCES)
            return err_set(err, r, "%s", e.msg);
        if (r == 0 && strcmp(name, spec) == 0)
            hits[(*found)++] = i;
    }
    return 0;
}

// Which of the list spec may mean, as indices.
static size_t
match_spec(const char *spec, const struct registry_socket *list, size_t n, size_t *hits)
{
    size_t found = 0, back = 0;
    int end = -1;
    if (!spec) {
        for (size_t i = 0; i < n; i++)
            hits[found++] = i;
        return found;
    }
    if (strcmp(spec, "@") == 0 || (sscanf(spec, "@{%6zu}%n", &back, &end) == 1 && !spec[end])) {
        if (back < n)
            hits[found++] = n - 1 - back;
        return found;
    }
    for (size_t i = 0; i < n && strlen(spec) >= 2; i++)
        if (strncmp(list[i].id, spec, strlen(spec)) == 0)
            hits[found++] = i;
    return found;
}

static int
say_not_one(const char *spec, const struct registry_socket *list, size_t n, size_t found,
            struct err *err)
{
    cleanup_buf struct buf ids = {0};
    cleanup_free char *shown = spec ? display_str(spec, DISPLAY_QUOTE) : NULL;
    for (size_t i = 0; i < n; i++)
        buf_printf(&ids, "%s%s", i ? ", " : "", list[i].id);
    if (n == 0) {
        cleanup_free char *none = registry_none_text();
        return err_set(err, -ENOENT, "%s", none);
    }
    if (found == 0)
        return err_set(err, -ENOENT, "no running session is called %s; running: %s", shown,
                       buf_str(&ids));
    if (!spec)
        return err_set(err, -EEXIST, "several sessions are running, name one: %s", buf_str(&ids));
    return err_set(err, -EEXIST, "%s means several running sessions of these: %s", shown,
                   buf_str(&ids));
}

int
registry_find_socket(const char *spec, char **ret_id, char **ret_path, struct err *err)
{
    struct registry_socket *list;
    size_t n;
    int r = registry_list_sockets(&list, &n, err);
    if (r < 0)
        return r;
    cleanup_free size_t *hits = xcalloc(n, sizeof *hits);
    size_t found = match_spec(spec, list, n, hits);
    if (spec && spec[0] != '@' && !found)
        r = match_names(spec, list, n, hits, &found, err);
    if (r == 0 && found == 1) {
        *ret_id = xstrdup(list[hits[0]].id);
        *ret_path = xstrdup(list[hits[0]].path);
    } else if (r == 0) {
        r = say_not_one(spec, list, n, found, err);
    }
    registry_free_sockets(list, n);
    return r;
}
