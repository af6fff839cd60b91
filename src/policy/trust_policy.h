// SPDX-License-Identifier: Apache-2.0
// Files that steer an agent (CLAUDE.md, AGENTS.md ...): which they are, who may sign them, and what
// happens to one that nobody of those has signed. Pure, but for trust_load_signers(). One owner
// until the session starts, constant then.
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "capability.h"
#include "err.h"
#include "glob.h"
#include "profile.h"

#define TRUST_PARTS_MAX 16
#define TRUST_PATTERNS_MAX 100
#define TRUST_SIGNERS_MAX (1024 * 1024) /* bytes of an allowed-signers file */

// A name ("CLAUDE.md") or a path (".claude/**") that is matched at any depth; with a leading slash
// from the root. "**" is one or more components.
struct trust_pattern {
    char *text; /* owned */
    bool anchored;
    struct glob_part parts[TRUST_PARTS_MAX]; /* into text */
    size_t n_parts;
};

struct trust_policy {
    int enforcement; /* TRUST_DENY, TRUST_WARN, TRUST_AUDIT (policy/profile.h) */
    struct trust_pattern *patterns;
    size_t n;
    // Every open is looked at, and nearly none is one: the bytes that the first and the second of a
    // component can be where a match begins.
    bool begins[2][256];
    char *signers; /* text of the allowed-signers files; NULL: none is configured; owned */
    size_t signers_len;
    struct buf signers_paths; /* where it came from, NUL behind each */
    struct buf warnings;      /* a line each */
};

void trust_policy_done(struct trust_policy *p);

// Adds a pattern; one that cannot match any file is left out with a warning.
void trust_add_pattern(struct trust_policy *p, const char *pattern, const char *source);
// The patterns that count when no profile names any.
void trust_add_defaults(struct trust_policy *p);
// Is path, which may be relative, that of an instruction file?
bool trust_matches(const struct trust_policy *p, const char *path);
// Below the directories that hold the system's own files nothing is verified: who can write there
// needs no instruction file.
bool trust_is_system(const char *path);

// Is what lies at path verified before it is read? written: it was named like an instruction file,
// as a link to one is as good as one.
bool trust_applies(const struct trust_policy *p, bool written, const char *path);

// Adds the allowed signers of a file (ALLOWED SIGNERS in ssh-keygen(1)); a line that ssh-keygen
// could not read is an error that names it. 0 or -errno.
int trust_load_signers(struct trust_policy *p, const char *path, struct err *err);
// Looks the lines of such a text through. 0, or -EINVAL with name and line in *err.
int trust_check_signers(const char *text, size_t len, const char *name, struct err *err);

// TRUST_DENY, I2: the kernel lets no file be read where an instruction file may be, so that what
// was not verified cannot be reached by a call that another thread changes. Behind
// capability_set_seal(). -EINVAL where that cannot be had.
int trust_carve(const struct trust_policy *p, struct capability_set *s, struct err *err);
