// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control.h"
#include "peer.h"
#include "registry.h"
#include "util.h"

static char dir[64];

static void
make_home(void)
{
    strcpy(dir, "/tmp/nono-registry-XXXXXX");
    cr_assert(mkdtemp(dir));
    setenv("HOME", dir, 1);
    unsetenv("XDG_STATE_HOME");
    unsetenv("XDG_CONFIG_HOME");
    unsetenv("XDG_RUNTIME_DIR");
}

static void
remove_home(void)
{
    cleanup_free char *command = xasprintf("rm -rf %s", dir);
    cr_expect_eq(system(command), 0);
}

TestSuite(registry, .init = make_home, .fini = remove_home);

static void
expect_dir(char *got, const char *fmt)
{
    cleanup_free char *text = got;
    cleanup_free char *expected =
        xasprintf("%s%s", fmt[0] == '~' ? dir : "", fmt[0] == '~' ? fmt + 1 : fmt);
    cr_expect_str_eq(text, expected);
}

Test(registry, directories)
{
    expect_dir(registry_state_dir(), "~/.local/state/nono");
    expect_dir(registry_config_dir(), "~/.config/nono");
    expect_dir(registry_runtime_dir(), "~/.local/state/nono/run");
    expect_dir(registry_default_db(), "~/.local/state/nono/audit.db");
    setenv("XDG_STATE_HOME", "/tmp/s", 1);
    setenv("XDG_CONFIG_HOME", "/tmp/c", 1);
    setenv("XDG_RUNTIME_DIR", dir, 1);
    expect_dir(registry_state_dir(), "/tmp/s/nono");
    expect_dir(registry_config_dir(), "/tmp/c/nono");
    expect_dir(registry_runtime_dir(), "~/nono");
    expect_dir(registry_socket_path("0123456789ab"), "~/nono/0123456789ab.sock");
    setenv("XDG_STATE_HOME", "s", 1);
    setenv("XDG_CONFIG_HOME", "", 1);
    setenv("XDG_RUNTIME_DIR", "./r", 1);
    expect_dir(registry_state_dir(), "~/.local/state/nono");
    expect_dir(registry_config_dir(), "~/.config/nono");
    expect_dir(registry_runtime_dir(), "~/.local/state/nono/run");
    unsetenv("HOME");
    cleanup_free char *state = registry_state_dir();
    cr_expect(!state || state[0] == '/');
}

Test(registry, new_session)
{
    char *argv[] = {(char[]){"sh"}, (char[]){""}, (char[]){"-c"}, NULL};
    struct session_info *a = registry_new_session(NULL, argv);
    struct session_info *b = registry_new_session("shop", argv);
    cr_expect_eq(strlen(a->id), 12);
    cr_expect_eq(strspn(a->id, "0123456789abcdef"), 12);
    cr_expect_str_neq(a->id, b->id);
    cr_expect_str_eq(a->name, "");
    cr_expect_str_eq(b->name, "shop");
    cr_expect_eq(a->argv_len, 7);
    cr_expect_eq(memcmp(a->argv, "sh\0\0-c", 7), 0);
    cr_expect_eq(a->pid, getpid());
    cr_expect_eq(strlen(a->boot_id), 36);
    cr_expect(registry_alive(a->pid, a->start_time, a->boot_id));
    cr_expect(!registry_alive(a->pid, a->start_time + 1, a->boot_id));
    cr_expect(!registry_alive(a->pid, a->start_time, "another boot"));
    cr_expect(!registry_alive(a->pid, a->start_time, NULL));
    cr_expect(!registry_alive(0, a->start_time, a->boot_id));
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    uint64_t ticks;
    siginfo_t si;
    waitid(P_PID, (id_t)child, &si, WEXITED | WNOWAIT);
    cr_assert_eq(proc_start_time(child, &ticks), 0);
    cr_expect(!registry_alive(child, ticks, a->boot_id), "a zombie is not alive");
    waitpid(child, NULL, 0);
    session_info_free(a);
    session_info_free(b);
}

static int
bind_socket(const char *id)
{
    cleanup_free char *path = registry_socket_path(id);
    int fd = -1;
    cr_assert_eq(peer_listen(path, &fd, NULL), 0);
    return fd;
}

static void
set_age(const char *id, time_t s)
{
    cleanup_free char *path = registry_socket_path(id);
    struct timespec t[2] = {{.tv_sec = s}, {.tv_sec = s}};
    cr_assert_eq(utimensat(AT_FDCWD, path, t, 0), 0);
}

static int
find(const char *spec, const char *expected)
{
    cleanup_free char *id = NULL, *path = NULL;
    cleanup_err struct err err = {0};
    int r = registry_find_socket(spec, &id, &path, &err);
    if (r < 0)
        cr_expect_not_null(err.msg);
    else
        cr_expect_str_eq(id, expected);
    return r;
}

Test(registry, sessions_are_found)
{
    cr_expect_eq(find(NULL, NULL), -ENOENT);
    int a = bind_socket("aaaa00000001");
    cr_expect_eq(find(NULL, "aaaa00000001"), 0);
    int b = bind_socket("aaaa00000002"), c = bind_socket("bbbb00000003");
    set_age("aaaa00000001", 1000);
    set_age("aaaa00000002", 3000);
    set_age("bbbb00000003", 2000);
    cr_expect_eq(find(NULL, NULL), -EEXIST);
    cr_expect_eq(find("aaaa00000001", "aaaa00000001"), 0);
    cr_expect_eq(find("bb", "bbbb00000003"), 0);
    cr_expect_eq(find("aaaa", NULL), -EEXIST);
    cr_expect_eq(find("@", "aaaa00000002"), 0);
    cr_expect_eq(find("@{0}", "aaaa00000002"), 0);
    cr_expect_eq(find("@{1}", "bbbb00000003"), 0);
    cr_expect_eq(find("@{3}", NULL), -ENOENT);
    cr_expect_eq(find("@{x}", NULL), -ENOENT);
    close(c);
    cr_expect_eq(find("bb", NULL), -ENOENT, "a socket without its process is no session");
    cleanup_free char *dead = registry_socket_path("bbbb00000003");
    cleanup_free char *living = registry_socket_path("aaaa00000001");
    cr_expect_eq(access(dead, F_OK), 0);
    registry_sweep();
    cr_expect(access(dead, F_OK) < 0);
    cr_expect_eq(access(living, F_OK), 0);
    close(a);
    close(b);
}

Test(registry, foreign_files_are_left_alone)
{
    int a = bind_socket("aaaa00000001");
    static const char *const names[] = {"x.sock", "aaaa00000001.sock.bak", "AAAA00000001.sock",
                                        "bbbb00000001.sock"};
    cleanup_free char *run = registry_runtime_dir();
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        cleanup_free char *path = xasprintf("%s/%s", run, names[i]);
        close(open(path, O_CREAT | O_WRONLY, 0600));
    }
    cr_expect_eq(find(NULL, "aaaa00000001"), 0);
    registry_sweep();
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        cleanup_free char *path = xasprintf("%s/%s", run, names[i]);
        cr_expect_eq(access(path, F_OK), 0, "%s", names[i]);
    }
    close(a);
}
