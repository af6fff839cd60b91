#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# No socket of the sandbox makes the supervisor wait.
. "$(dirname "$0")/lib.sh"

# Most that an open took meanwhile; "never" when nothing came.
longest() { # ARG...
    output=$(timeout -k 5 60 "$NONO" run -r "$BIN" --on-ask deny --allow . --net allow -- "$BIN/sockhang" "$@" 2>&1)
    got=$(echo "$output" | sed -n 's/^at most \([0-9]*\) ms$/\1/p')
    echo "${got:-never: $output}"
}

scenario "O_NONBLOCK that changes under the call"
at_most "an open is not delayed (ms)" "$(longest connect .)" 2000

scenario "a connection that lingers when the last of it is closed"
at_most "an open is not delayed (ms)" "$(longest linger)" 2000

scenario "sends that wait hold no more than they may"
run_background --ui attach -- "$BIN/sockhang" memory
poll grep -q refused "$T/tmp/out" && pass "one is refused" || fail "one is refused" "$(cat "$T/tmp/out")"
join_background
contains "the person is told" "$output" "too much is held for sends"

finish
