// SPDX-License-Identifier: Apache-2.0
// The sandbox's tasks, found below a process. Any thread.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// Processes that were stopped, parents before their children.
struct tree {
    struct tree_task {
        pid_t pid;
        uint64_t start_time;
    } * tasks;
    size_t n, room;
};

// The process and all of its descendants, each behind its parent; the caller frees the list.
// Returns how many.
size_t tree_list(pid_t root, pid_t **ret_pids);

// Sends SIGKILL to every descendant of this process but spare. New ones may be born meanwhile: call
// again.
void tree_kill(pid_t spare);

// Stops every descendant but spare, and those that are born meanwhile, until nothing runs; for no
// longer than a moment, so call it again as long as everything is to stay stopped. What was stopped
// already is left alone. A parent is stopped before its children and goes on after them: it never
// sees one of them stopped.
void tree_stop(struct tree *t, pid_t spare);
// Lets those that tree_stop() stopped go on, and forgets them.
void tree_continue(struct tree *t);
// Is all of the process stopped, as a job is?
bool tree_is_stopped(pid_t pid);
void tree_done(struct tree *t);
