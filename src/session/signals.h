// SPDX-License-Identifier: Apache-2.0
// The signals of nono run: which ones it takes over, and stopping like a job. Main thread.
#pragma once
#include <stdbool.h>

// To be called before the sandbox is launched: what its monitor inherits.
void signals_prepare(void);
// Blocks the signals that the session takes over and returns a signalfd for them, or -errno. What
// was ignored when nono was started (nohup, a job in the background of a script) stays ignored.
int signals_watch(void);
// Was the signal ignored when nono was started?
bool signals_is_ignored(int sig);
// Stops this process, or its process group as the terminal would, until it is continued. False when
// nothing stopped: nobody is there who could continue us.
bool signals_stop(bool group);
// Runs restore (async-signal-safe) when this process crashes or gives up (die()).
void signals_on_crash(void (*restore)(void));
