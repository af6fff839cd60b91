// SPDX-License-Identifier: Apache-2.0
// What a person is told of a program that is to be run.
#pragma once
#include "exec.h"
#include "judge.h"

// About one part of the call. copy: that is what would run. NULL when the task is gone. The caller
// owns it. With the lock held.
struct request *exec_request(struct supervisor *s, const struct exec_call *c,
                             const struct resolved *ends, unsigned part, struct standing *standing,
                             bool copy);
