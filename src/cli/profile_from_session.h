// SPDX-License-Identifier: Apache-2.0
// nono profile from-session: what people decided in sessions, as a profile. Main thread.
#pragma once

// argv[0] is "from-session". An exit status.
int profile_from_session(int argc, char **argv);
