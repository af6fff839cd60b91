// SPDX-License-Identifier: Apache-2.0
// The digest of the program that asks. What was hashed before is known at once; what was not is
// hashed in a worker, once for all requests that it makes meanwhile, and they are asked behind
// that; more than a few are asked without. The program is the object that the task runs, never a
// name (I3), and it cannot become another one while the task waits in its call. With the lock held.
#pragma once
#include "core.h"

// Sets what is known of the program of q. It is the asker's only if that waits still: to be checked
// behind.
void asker_known(struct request *q);
// Puts q to the broker. As broker_submit(): takes all three over.
void asker_submit(struct supervisor *s, struct call *copy, struct request *q, struct held *object);
