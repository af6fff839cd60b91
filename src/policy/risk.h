// SPDX-License-Identifier: Apache-2.0
// Why a target deserves a second look. Pure.
#pragma once
#include <stdbool.h>

#include "enums.h"

// Highest risk among the rows of the table that match path, with their tags comma-separated in
// *ret_tags ("" for none; the caller frees it). home may be NULL.
enum risk risk_of_path(const char *path, const char *home, unsigned access, char **ret_tags);

// What of the table is of high risk for an access, up to NULL: absolute paths, and names as
// patterns of fnmatch(3). The caller frees each and the list. home may be NULL.
char **risk_places(const char *home, unsigned access);

// Does the name of any component of path match pattern (fnmatch(3)), or that of as many after each
// other as pattern has, "a/b*"?
bool risk_component_matches(const char *path, const char *pattern);
