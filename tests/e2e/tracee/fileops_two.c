// SPDX-License-Identifier: Apache-2.0
// fileops_two LEFT RIGHT [all]: prints what renames and links give, between all kinds of
// ends, inside LEFT and from there to RIGHT and back. Run bare and supervised the texts must be the
// same (I9). Without "all": a sample.
#include "fixture.h"

static const struct call {
    const char *name;
    int nr;
    unsigned flags;
} calls[] = {
#ifdef SYS_rename
    {"rename", SYS_rename, 0},
    {"link", SYS_link, 0},
#endif
#ifdef SYS_renameat
    {"renameat", SYS_renameat, 0},
#endif
    {"renameat2", SYS_renameat2, 0},
    {"renameat2 noreplace", SYS_renameat2, 1},
    {"renameat2 exchange", SYS_renameat2, 2},
    {"renameat2 whiteout", SYS_renameat2, 4},
    {"renameat2 noreplace exchange", SYS_renameat2, 3},
    {"renameat2 bad", SYS_renameat2, 8},
    {"linkat", SYS_linkat, 0},
    {"linkat follow", SYS_linkat, AT_SYMLINK_FOLLOW},
    {"linkat empty", SYS_linkat, AT_EMPTY_PATH},
    {"linkat bad", SYS_linkat, AT_SYMLINK_NOFOLLOW},
};
#define CALLS (sizeof calls / sizeof calls[0])

// One end: '>' means RIGHT, by a descriptor where the call takes one, else by its path.
struct end {
    const char *name;
    int dir;
    char path[4200];
};

static bool
takes_dirs(const struct call *c)
{
#ifdef SYS_rename
    return c->nr != SYS_rename && c->nr != SYS_link;
#else
    return true;
#endif
}

static const char *
end_path(struct end *e, const struct call *c)
{
    if (e->name[0] != '>')
        return e->name;
    e->dir = fixture_other;
    if (takes_dirs(c))
        return e->name + 1;
    snprintf(e->path, sizeof e->path, "%s/%s", fixture_right, e->name + 1);
    return e->path;
}

static void
make_paths(const struct call *c, int from_dir, const char *from, int to_dir, const char *to,
           const char *what)
{
    long result;
    errno = 0;
    if (!takes_dirs(c))
        result = syscall(c->nr, from, to);
    else
        result = syscall(c->nr, from_dir, from, to_dir, to, c->flags);
    fixture_show(result, "%s %s", c->name, what);
}

static void
make(const struct call *c, const char *from, const char *to)
{
    char what[700];
    struct end a = {.name = from, .dir = AT_FDCWD}, b = {.name = to, .dir = AT_FDCWD};
    const char *from_path = end_path(&a, c), *to_path = end_path(&b, c);
    snprintf(what, sizeof what, "%.40s %.40s", from, to);
    make_paths(c, a.dir, from_path, b.dir, to_path, what);
}

static void
ends(void)
{
    static const char *const from[] = {
        "file",    "empty",        "full",  "link",      "dlink",        "dangling",
        "missing", "fifo",         "twin",  ".",         "..",           "",
        "file/",   "empty/",       "link/", "dlink/",    "file/.",       "empty/.",
        "sock",    "file/x",       "loop",  "nowhere/x", "sealed/inner", "suid",
        "none",    "uplink/inner", ">file", ">empty",    ">full",        ">link",
        ">missing"};
    static const char *const to[] = {"new",
                                     "file",
                                     "empty",
                                     "full",
                                     "link",
                                     "new/",
                                     "empty/",
                                     "two",
                                     "twin",
                                     "full/new",
                                     "full/deep/new",
                                     "full/inner",
                                     "full/deep",
                                     "sealed/new",
                                     "nowhere/x",
                                     "file/x",
                                     ".",
                                     "..",
                                     "",
                                     "dangling",
                                     "dlink/",
                                     "loop",
                                     "dlink",
                                     "dirslash/new",
                                     "setgid/new",
                                     "fifo",
                                     "uplink/new",
                                     ">new",
                                     ">file",
                                     ">empty",
                                     ">full",
                                     ">link",
                                     ">full/new",
                                     ">empty/x",
                                     ">."};
    size_t n_from = sizeof from / sizeof from[0], n_to = sizeof to / sizeof to[0];
    for (size_t f = 0; f < n_from; f++)
        for (size_t t = 0; t < n_to; t++)
            for (size_t c = 0; c < CALLS; c++)
                // ext4 touches the directory for a whiteout that then fails.
                if (fixture_picks(f * 7 + t * 3, c, 41) &&
                    !(strcmp(calls[c].name, "renameat2 whiteout") == 0 && strstr(to[t], "full")))
                    make(&calls[c], from[f], to[t]);
}

static void
pointers(void)
{
    static char name_long[300], path_long[4200];
    const char *const bad[] = {NULL, (char *)1, (char *)(uintptr_t)0xffff888000000000u, name_long,
                               path_long};
    memset(name_long, 'n', 256);
    memset(path_long, '/', 4096);
    path_long[0] = '.';
    for (size_t c = 0; c < CALLS; c++) {
        for (size_t b = 0; b < sizeof bad / sizeof bad[0]; b++) {
            make_paths(&calls[c], AT_FDCWD, bad[b], AT_FDCWD, "new", "from a bad pointer");
            make_paths(&calls[c], AT_FDCWD, "file", AT_FDCWD, bad[b], "to a bad pointer");
            make_paths(&calls[c], AT_FDCWD, "missing", AT_FDCWD, bad[b],
                       "from none to a bad pointer");
            make_paths(&calls[c], AT_FDCWD, bad[b], AT_FDCWD, bad[b], "with bad pointers");
        }
    }
}

// "full": a descriptor of it; ">": RIGHT; "-": nowhere; "": here.
static int
held(const char *name)
{
    if (strcmp(name, ">") == 0)
        return fixture_other;
    if (strcmp(name, "") == 0)
        return AT_FDCWD;
    return strcmp(name, "-") == 0 ? 777 : open(name, O_PATH | O_NOFOLLOW);
}

static void
directories(void)
{
    static const struct {
        const char *what, *from_dir, *from, *to_dir, *to;
    } all[] = {
        {"in a directory", "full", "inner", "full", "new"},
        {"out of a directory", "full", "inner", "", "new"},
        {"by ..", "full", "../file", ">", "new"},
        {"a file itself", "file", "", "", "new"},
        {"a link itself", "link", "", "", "new"},
        {"a directory itself", "full", "", "", "new"},
        {"below a file", "file", "x", "", "new"},
        {"to below a file", "", "file", "file", "x"},
        {"from nowhere", "-", "file", "", "new"},
        {"to nowhere", "", "file", "-", "new"},
        {"none to nowhere", "", "missing", "-", "new"},
        {"nowhere to nowhere", "-", "file", "-", "new"},
        {"nothing", "-", "", "-", ""},
        {"to another device", "", "file", "", "/dev/shm/nono-none"},
        {"none to another", "", "missing", "", "/dev/shm/nono-none"},
        {"from another device", "", "/dev/null", "", "new"},
        {"from another device onto", "", "/dev/null", "", "file"},
        {"by a magic link", "", "/proc/self/cwd/file", "", "new"},
        {"a magic link", "", "/proc/self/cwd", "", "new"},
        {"to a magic link", "", "file", "", "/proc/self/cwd/full/new"},
        {"into procfs", "", "file", "", "/proc/self/new"},
    };
    for (size_t c = 0; c < CALLS; c++) {
        for (size_t i = 0; takes_dirs(&calls[c]) && i < sizeof all / sizeof all[0]; i++) {
            if (!fixture_picks(c, i, 2))
                continue;
            // Opened each time: what was changed may have been made anew.
            int from = held(all[i].from_dir), to = held(all[i].to_dir);
            make_paths(&calls[c], from, all[i].from, to, all[i].to, all[i].what);
            for (int fd = fixture_other + 1; fd < fixture_other + 3; fd++)
                close(fd);
        }
    }
}

// Files that are open, or gone.
static void
descriptors(void)
{
    char name[64];
    for (size_t c = 0; c < CALLS; c++) {
        if (calls[c].nr != SYS_linkat)
            continue;
        int fd = open("full", O_TMPFILE | O_RDWR, 0640);
        make_paths(&calls[c], fd, "", AT_FDCWD, "new", "a nameless file");
        snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
        make_paths(&calls[c], AT_FDCWD, name, AT_FDCWD, "new", "a nameless file by procfs");
        close(fd);
        fd = open("full", O_TMPFILE | O_RDWR | O_EXCL, 0640);
        make_paths(&calls[c], fd, "", AT_FDCWD, "new", "a file that stays nameless");
        close(fd);
        fd = open("file", O_RDONLY);
        make_paths(&calls[c], fd, "x/y", AT_FDCWD, "new", "below a file that is open");
        make_paths(&calls[c], fd, "", AT_FDCWD, "new", "a file that is open");
        close(fd);
        fd = open("full", O_RDONLY);
        make_paths(&calls[c], fd, "inner", AT_FDCWD, "new", "in a directory that is open");
        make_paths(&calls[c], fd, "missing", AT_FDCWD, "new", "none in a directory that is open");
        close(fd);
        fd = open("file", O_RDONLY);
        unlink("file");
        make_paths(&calls[c], fd, "", AT_FDCWD, "new", "a removed file");
        snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
        make_paths(&calls[c], AT_FDCWD, name, AT_FDCWD, "new", "a removed file by procfs");
        close(fd);
        int pair[2];
        if (pipe(pair) == 0) {
            make_paths(&calls[c], pair[0], "", AT_FDCWD, "new", "a pipe");
            snprintf(name, sizeof name, "/dev/fd/%d", pair[0]);
            make_paths(&calls[c], AT_FDCWD, name, AT_FDCWD, "new", "a pipe by procfs");
            close(pair[0]);
            close(pair[1]);
        }
    }
}

int
main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    fixture_all = argc > 3;
    fixture_start(argv[1], argv[2]);
    ends();
    pointers();
    directories();
    descriptors();
    return 0;
}
