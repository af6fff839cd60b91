// SPDX-License-Identifier: Apache-2.0
// Who copies much for a task waits for its turn: only so many threads do at the same time, so that
// those that serve everybody find a processor, and each in the order in which it came. Any thread.
#pragma once

// Waits for a turn; a second at most, as a turn may hang in a file system that the task has mapped.
void turn_take(void);
// To be called behind each turn_take(), before the thread waits for anybody.
void turn_give(void);
