// SPDX-License-Identifier: Apache-2.0
// Why a target deserves a second look. Pure.
#pragma once
#include "enums.h"

// Highest risk among the rows of the table that match path, with their tags comma-separated in
// *ret_tags ("" for none; the caller frees it). home may be NULL.
enum risk risk_of_path(const char *path, const char *home, unsigned access, char **ret_tags);
