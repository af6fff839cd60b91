// SPDX-License-Identifier: Apache-2.0
// Between view.c (the queue) and view_keys.c (what a key does). Private to the two.
#pragma once
#include "view.h"

// What was displayed counts no more; quiet time starts anew, a confirmation is over.
void view_unshow(struct view *v, uint64_t now_ns);
// Puts another request under the cursor.
void view_select(struct view *v, uint64_t id, uint64_t now_ns);
// Id of the next waiting request behind the selected one, from the top again; 0 for none.
uint64_t view_next_waiting(const struct view *v);
