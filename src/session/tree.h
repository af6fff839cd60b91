// SPDX-License-Identifier: Apache-2.0
// The sandbox's tasks, found below this process. Any thread.
#pragma once
#include <sys/types.h>

// Sends SIGKILL to every descendant of this process but spare. New ones may be born meanwhile: call
// again.
void tree_kill(pid_t spare);
