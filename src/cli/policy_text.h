// SPDX-License-Identifier: Apache-2.0
// What of a profile goes into the record.
#pragma once
#include "profile.h"

// The policy as it is in force: a line "SOURCE KEY VALUE" for each item, in their order. The caller
// frees it.
char *policy_text(const struct profile *p);
// The values of its key "redact", a line each; NULL for none. The caller frees it.
char *policy_redact(const struct profile *p);
