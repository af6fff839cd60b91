// SPDX-License-Identifier: Apache-2.0
#include "risk.h"

#include <fnmatch.h>
#include <stdbool.h>
#include <string.h>

#include "buf.h"
#include "capability.h"
#include "util.h"

// A pattern starting with "~/" names a place (and all below it) in the home directory, one with "/"
// a place in the file system; any other is matched against each component's name.
struct risk_row {
    const char *pattern;
    unsigned access; /* matters for these accesses */
    enum risk risk;
    const char *tag;
};

#define RW (ACCESS_READ | ACCESS_WRITE)
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
    {"~/.mozilla", RW, RISK_HIGH, "browser-profile"},
    {"~/.config/google-chrome", RW, RISK_HIGH, "browser-profile"},
    {"~/.config/chromium", RW, RISK_HIGH, "browser-profile"},
    {".env", RW, RISK_HIGH, "credentials"},
    {".env.*", RW, RISK_HIGH, "credentials"},
    {"*.pem", RW, RISK_HIGH, "private-key"},
    {"id_rsa*", RW, RISK_HIGH, "ssh-key"},
    {"id_ed25519*", RW, RISK_HIGH, "ssh-key"},
    {"/etc/shadow", RW, RISK_HIGH, "credentials"},
    {"/etc/gshadow", RW, RISK_HIGH, "credentials"},
    {"/etc/sudoers", RW, RISK_HIGH, "credentials"},
    {"/etc/ssh", RW, RISK_HIGH, "ssh-key"},
    {"~/.bashrc", ACCESS_WRITE, RISK_HIGH, "persistence"},
    {"~/.bash_profile", ACCESS_WRITE, RISK_HIGH, "persistence"},
    {"~/.profile", ACCESS_WRITE, RISK_HIGH, "persistence"},
    {"~/.zshrc", ACCESS_WRITE, RISK_HIGH, "persistence"},
    {"~/.config/fish", ACCESS_WRITE, RISK_HIGH, "persistence"},
    {"~/.config/autostart", ACCESS_WRITE, RISK_HIGH, "persistence"},
    {"~/.config/systemd", ACCESS_WRITE, RISK_HIGH, "persistence"},
    {"/etc/cron.d", ACCESS_WRITE, RISK_HIGH, "persistence"},
    {"/var/spool/cron", ACCESS_WRITE, RISK_HIGH, "persistence"},
    {"/etc/systemd", ACCESS_WRITE, RISK_HIGH, "persistence"},
    {"hooks", ACCESS_WRITE, RISK_NOTICE, "git-hook"},
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
    char name[256];
    while (*path) {
        path += strspn(path, "/");
        size_t n = strcspn(path, "/");
        if (n && n < sizeof name) {
            memcpy(name, path, n);
            name[n] = 0;
            if (fnmatch(pattern, name, 0) == 0)
                return true;
        }
        path += n;
    }
    return false;
}

static bool
row_matches(const struct risk_row *row, const char *path, const char *home)
{
    if (row->pattern[0] == '/')
        return path_is_below(path, row->pattern);
    if (row->pattern[0] != '~')
        return risk_component_matches(path, row->pattern);
    if (!home)
        return false;
    // HOME may end in a slash, and be the root.
    size_t n = strlen(home);
    while (n && home[n - 1] == '/')
        n--;
    cleanup_free char *place = xasprintf("%.*s%s", (int)n, home, row->pattern + 1);
    return path_is_below(path, place);
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
