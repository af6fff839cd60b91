// SPDX-License-Identifier: Apache-2.0
// Between the files of the view: view.c (the queue), view_lock.c (the guards), view_find.c (filter,
// search, groups), view_grants.c, view_decide.c (decisions), view_keys.c (what a key does). Private
// to them.
#pragma once
#include "view.h"

// What was displayed counts no more; quiet time starts anew, a confirmation is over.
void view_unshow(struct view *v, uint64_t now_ns);
// Puts another request under the cursor.
void view_select(struct view *v, uint64_t key, uint64_t now_ns);
// Key of the next waiting request behind the selected one, from the top again; 0 for none.
uint64_t view_next_waiting(const struct view *v);
struct view_row *view_find(const struct view *v, unsigned session, uint64_t id);
void view_set_mark(struct view *v, struct view_row *row, bool marked);
// Ends what is being typed.
void view_end_prompt(struct view *v);

// view_lock.c
// The hint says why a key did nothing, and that is not so any more. (How long to wait is true for
// the next key as well.)
bool view_hint_is_stale(const struct view *v, uint64_t now_ns);

// view_find.c
uint64_t view_group_of(unsigned session, const struct request *r);
bool view_matches(const struct view *v, const struct view_row *row, const char *words);
// Applies v->filter to every row and makes the list anew.
void view_apply_filter(struct view *v, uint64_t now_ns);
// Makes the list anew from the rows.
void view_relist(struct view *v);
// To the next row that has v->search in it, up or down; of a replay the owner does that.
enum view_result view_search(struct view *v, bool down, uint64_t now_ns);
void view_mark_group(struct view *v, const struct view_row *row);

// view_grants.c
enum view_result view_press_grants(struct view *v, enum keys_command command, uint64_t now_ns);
enum view_result view_undo_last(struct view *v);

// view_decide.c
// allow t, o, s, p; deny d, D, P.
enum view_result view_press_decide(struct view *v, enum keys_command command, uint64_t now_ns);
enum view_result view_press_confirm(struct view *v, bool alone, uint64_t now_ns);
void view_change_reach(struct view *v, bool wider, uint64_t now_ns);
void view_change_program(struct view *v);
void view_change_duration(struct view *v, uint64_t now_ns);
