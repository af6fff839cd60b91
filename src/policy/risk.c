// SPDX-License-Identifier: Apache-2.0
#include "risk.h"

#include <fnmatch.h>
#include <stdbool.h>
#include <string.h>

#include "buf.h"
#include "capability.h"
#include "util.h"

// A pattern starting with "~/" names a place (and all below it) in the home directory, one with "/"
// a place in the file system; any other is matched against the names of components.
struct risk_row {
    const char *pattern;
    unsigned access; /* matters for these accesses */
    enum risk risk;
    const char *tag;
};

#define RW (ACCESS_READ | ACCESS_WRITE)
// Read, it may give away what it sets; written, it runs later.
#define SHELL_START(place)                                                                         \
    {place, ACCESS_READ, RISK_NOTICE, "shell-start"},                                              \
    {                                                                                              \
        place, ACCESS_WRITE, RISK_HIGH, "persistence"                                              \
    }
static const struct risk_row risk_rows[] = {
    {"~/.ssh", RW, RISK_HIGH, "ssh-key"},
    {"~/.gnupg", RW, RISK_HIGH, "gpg-key"},
    {"~/.aws", RW, RISK_HIGH, "credentials"},
    {"~/.azure", RW, RISK_HIGH, "credentials"},
    {"~/.kube", RW, RISK_HIGH, "credentials"},
    {"~/.docker", RW, RISK_HIGH, "credentials"},
    {"~/.config/gh", RW, RISK_HIGH, "credentials"},
    {"~/.config/gcloud", RW, RISK_HIGH, "credentials"},
    {"~/.netrc", RW, RISK_HIGH, "credentials"},
    {"~/.git-credentials", RW, RISK_HIGH, "credentials"},
    {"~/.npmrc", RW, RISK_HIGH, "credentials"},
    {"~/.pypirc", RW, RISK_HIGH, "credentials"},
    {"~/.password-store", RW, RISK_HIGH, "credentials"},
    {"~/.local/share/keyrings", RW, RISK_HIGH, "keyring"},
    {"~/.local/share/kwalletd", RW, RISK_HIGH, "keyring"},
    {"~/.mozilla", RW, RISK_HIGH, "browser-profile"},
    {"~/.config/mozilla", RW, RISK_HIGH, "browser-profile"},
    {"~/.config/google-chrome", RW, RISK_HIGH, "browser-profile"},
    {"~/.config/chromium", RW, RISK_HIGH, "browser-profile"},
    {"~/.config/BraveSoftware", RW, RISK_HIGH, "browser-profile"},
    {"~/.config/microsoft-edge", RW, RISK_HIGH, "browser-profile"},
    {"~/.config/vivaldi", RW, RISK_HIGH, "browser-profile"},
    {"~/snap/firefox", RW, RISK_HIGH, "browser-profile"},
    {"~/snap/chromium", RW, RISK_HIGH, "browser-profile"},
    {".Xauthority", RW, RISK_HIGH, "display"},
    {".env*", RW, RISK_HIGH, "credentials"},
    {"*.pem", RW, RISK_HIGH, "private-key"},
    {"id_rsa*", RW, RISK_HIGH, "ssh-key"},
    {"id_ed25519*", RW, RISK_HIGH, "ssh-key"},
    {"/etc/shadow", RW, RISK_HIGH, "credentials"},
    {"/etc/shadow-", RW, RISK_HIGH, "credentials"},
    {"/etc/gshadow", RW, RISK_HIGH, "credentials"},
    {"/etc/gshadow-", RW, RISK_HIGH, "credentials"},
    {"/etc/sudoers", RW, RISK_HIGH, "credentials"},
    {"/etc/ssh", RW, RISK_HIGH, "ssh-key"},
    SHELL_START("~/.bashrc"),
    SHELL_START("~/.bash_profile"),
    SHELL_START("~/.bash_login"),
    SHELL_START("~/.bash_logout"),
    SHELL_START("~/.bash_aliases"),
    SHELL_START("~/.profile"),
    SHELL_START("~/.zshrc"),
    SHELL_START("~/.zshenv"),
    SHELL_START("~/.zprofile"),
    SHELL_START("~/.zlogin"),
    SHELL_START("~/.zlogout"),
    SHELL_START("~/.kshrc"),
    SHELL_START("~/.cshrc"),
    SHELL_START("~/.tcshrc"),
    SHELL_START("~/.login"),
    SHELL_START("~/.xprofile"),
    SHELL_START("~/.xsession"),
    SHELL_START("~/.config/fish"),
    {"~/.config/environment.d", ACCESS_WRITE, RISK_HIGH, "persistence"},
    {"~/.gitconfig", ACCESS_WRITE, RISK_HIGH, "persistence"},
    {"~/.config/git", ACCESS_WRITE, RISK_HIGH, "persistence"},
    {"~/.config/autostart", ACCESS_WRITE, RISK_HIGH, "persistence"},
    {"~/.config/systemd", ACCESS_WRITE, RISK_HIGH, "persistence"},
    {"/etc/cron.d", ACCESS_WRITE, RISK_HIGH, "persistence"},
    {"/var/spool/cron", ACCESS_WRITE, RISK_HIGH, "persistence"},
    {"/etc/systemd", ACCESS_WRITE, RISK_HIGH, "persistence"},
    {"hooks", ACCESS_WRITE, RISK_NOTICE, "git-hook"},
    {"*.git/hooks", ACCESS_READ, RISK_NOTICE, "git-hook"},
    {"docker.sock", RW, RISK_HIGH, "escape"},
    {"/proc", RW, RISK_NOTICE, "process"},
    {"/dev", RW, RISK_NOTICE, "device"},
    {"/etc", ACCESS_WRITE, RISK_NOTICE, "system"},
    {"/usr", ACCESS_WRITE, RISK_NOTICE, "system"},
    {"/boot", ACCESS_WRITE, RISK_HIGH, "system"},
};

bool
risk_component_matches(const char *path, const char *pattern)
{
    char names[1024];
    size_t more = 0;
    for (const char *c = pattern; *c; c++)
        more += *c == '/';
    for (const char *next; *path; path = next) {
        path += strspn(path, "/");
        next = path + strcspn(path, "/");
        const char *end = next;
        for (size_t i = 0; i < more && *end; i++)
            end += 1 + strcspn(end + 1, "/");
        size_t n = (size_t)(end - path);
        if (n && n < sizeof names) {
            memcpy(names, path, n);
            names[n] = 0;
            if (fnmatch(pattern, names, FNM_PATHNAME) == 0)
                return true;
        }
    }
    return false;
}

// Wherever it lies.
static bool
is_name(const struct risk_row *row)
{
    return row->pattern[0] != '/' && row->pattern[0] != '~';
}

// The place that the row names; NULL when it names none. The caller frees it.
static char *
row_place(const struct risk_row *row, const char *home)
{
    if (row->pattern[0] == '/')
        return xstrdup(row->pattern);
    if (row->pattern[0] != '~' || !home)
        return NULL;
    // HOME may end in a slash, and be the root.
    size_t n = strlen(home);
    while (n && home[n - 1] == '/')
        n--;
    return xasprintf("%.*s%s", (int)n, home, row->pattern + 1);
}

static bool
row_matches(const struct risk_row *row, const char *path, const char *home)
{
    if (is_name(row))
        return risk_component_matches(path, row->pattern);
    cleanup_free char *place = row_place(row, home);
    return place && path_is_below(path, place);
}

char **
risk_places(const char *home, unsigned access)
{
    char **places = xcalloc(ARRAY_SIZE(risk_rows) + 1, sizeof *places);
    for (size_t i = 0, n = 0; i < ARRAY_SIZE(risk_rows); i++) {
        const struct risk_row *row = &risk_rows[i];
        if (row->risk != RISK_HIGH || !(row->access & access))
            continue;
        char *place = is_name(row) ? xstrdup(row->pattern) : row_place(row, home);
        if (place)
            places[n++] = place;
    }
    return places;
}

enum risk
risk_of_path(const char *path, const char *home, unsigned access, char **ret_tags)
{
    struct buf tags = {0};
    enum risk risk = RISK_NONE;
    for (size_t i = 0; i < ARRAY_SIZE(risk_rows); i++) {
        const struct risk_row *row = &risk_rows[i];
        if (!(row->access & access) || !row_matches(row, path, home))
            continue;
        if (row->risk > risk)
            risk = row->risk;
        if (!strstr(buf_str(&tags), row->tag))
            buf_printf(&tags, "%s%s", tags.len ? "," : "", row->tag);
    }
    *ret_tags = buf_steal(&tags);
    return risk;
}
