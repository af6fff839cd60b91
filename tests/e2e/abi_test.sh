#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Programs that open files in other ways than libc does: the same decision, or none of it works.
. "$(dirname "$0")/lib.sh"

scenario "open(2) in a static program"
if [ -x "$BIN/raw64" ]; then
    equal "bare" "$("$BIN/raw64" "$SECRET")" "the content"
    run --on-ask deny -- "$BIN/raw64" "$SECRET"
    equal "refused: EACCES" "$status" 13
    lacks "refused: nothing is read" "$output" "the content"
    equal "refused: recorded" "$(log_rows "[r['verdict'] for r in of(kind='decision')]")" "['deny']"
    run --on-ask allow -- "$BIN/raw64" "$SECRET"
    equal "approved" "$output" "the content"
    equal "approved: status" "$status" 0
    echo inside >inside
    run --on-ask deny -- "$BIN/raw64" inside
    equal "inside" "$output" inside
else
    echo "# not this architecture's"
fi

scenario "32 bits"
if [ -x "$BIN/raw32" ] && [ "$("$BIN/raw32" "$SECRET" 2>/dev/null)" = "the content" ]; then
    for ask in allow deny; do
        run --on-ask $ask -- "$BIN/raw32" "$SECRET"
        lacks "--on-ask $ask: nothing is read" "$output" "the content"
        # No call of its works, not even exit(2).
        equal "--on-ask $ask: it does not go on" "$([ "$status" -ge 128 ] && echo ended)" ended
    done
else
    echo "# not this machine's"
fi

scenario "io_uring"
if [ "$("$BIN/uring" "$SECRET")" = "the content" ]; then
    for ask in allow deny; do
        run --on-ask $ask -- "$BIN/uring" "$SECRET"
        lacks "--on-ask $ask: nothing is read" "$output" "the content"
        contains "--on-ask $ask: programs fall back" "$output" "io_uring_setup: ENOSYS"
    done
else
    echo "# not this kernel's"
fi
finish
