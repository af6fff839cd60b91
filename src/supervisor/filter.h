// SPDX-License-Identifier: Apache-2.0
// The seccomp filter of the sandbox, built with libseccomp from tables.
#pragma once
#include <linux/filter.h>
#include <stdbool.h>

#include "err.h"

// Builds the program; free ret_prog->filter. 0 or -errno with *err set.
int filter_build(struct sock_fprog *ret_prog, struct err *err);
// Loads it into the calling thread. killable: with WAIT_KILLABLE_RECV. Returns the listener
// (close-on-exec) or -errno. no_new_privs must be set.
int filter_load(const struct sock_fprog *prog, bool killable);
