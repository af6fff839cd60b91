// SPDX-License-Identifier: Apache-2.0
#include "replay.h"
int
replay_pane(struct replay *r)
{
    return replay_plain(r);
}
