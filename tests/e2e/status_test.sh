#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Exit statuses, and what a terminal user expects of a command under supervision.
. "$(dirname "$0")/lib.sh"

scenario "exit statuses of SPEC 2"
run --on-ask deny -- true
equal "true" "$status" 0
run --on-ask deny -- false
equal "false" "$status" 1
run --on-ask deny -- sh -c 'exit 42'
equal "exit 42" "$status" 42
run --on-ask deny -- nonexistent-command
equal "not found" "$status" 127
contains "not found is named" "$output" nonexistent-command
mkdir -p shut && chmod 0 shut
shut=$PWD/shut
PATH=$shut:$PATH run --on-ask deny -- nonexistent-command
equal "not found, and one directory of PATH cannot be searched" "$status" 127
echo x >here
PATH=$PATH:$PWD run --on-ask deny -- here
equal "found, and may not be executed" "$status" 126
run --on-ask deny -- "$T/work/missing"
equal "not found by path" "$status" 127
run --on-ask deny -- /etc
equal "a directory" "$status" 126
printf 'no program' >plain
run --on-ask deny -- ./plain
equal "a file that may not be executed" "$status" 126
run --on-ask deny -- sh -c 'kill -TERM $$'
equal "killed by SIGTERM" "$status" 143
run --on-ask deny -- sh -c 'kill -KILL $$'
equal "killed by SIGKILL" "$status" 137
run --on-ask deny --
equal "no command" "$status" 125

mkdir -p db
run --db "$PWD/db/here.db" -- true
equal "a record elsewhere" "$status" 0
run --db "$PWD/missing/dir/there.db" -- true
equal "a record in no directory" "$status" 125
contains "which is named" "$output" "missing/dir"
[ ! -e missing ] && pass "and not made" || fail "and not made"

output=$(echo typed | "$NONO" run --on-ask deny -- cat)
equal "standard input is passed on" "$output" typed
output=$("$NONO" run --on-ask deny -- sh -c 'echo out; echo err >&2' 2>/dev/null)
equal "the two outputs stay apart" "$output" out
output=$("$NONO" run --on-ask deny -- head -c 3000000 /dev/zero | wc -c)
equal "3 MB go through" "$output" 3000000
output=$("$NONO" run --on-ask deny -- sh -c 'echo $$; cat /proc/self/status' | grep -c '^NoNewPrivs:.1')
equal "no_new_privs is set" "$output" 1

scenario "a signal to nono reaches the command"
run_background --on-ask deny -- sh -c 'trap "echo got; exit 7" TERM; echo ready; while :; do sleep 0.05; done'
poll grep -q ready "$T/tmp/out"
pid=$("$NONO" ps --jsonl | rows 'rows[0]["pid"]')
kill -TERM "$pid"
join_background
equal "its own status" "$status" 7
contains "its own handler" "$output" got

scenario "descendants that outlive the first child stay supervised"
run --on-ask deny -- sh -c "(while [ ! -e go ]; do sleep 0.05; done; cat $SECRET; echo late) >later 2>&1 & sleep 0.1; (sleep 0.2; : >go) & exit 3"
equal "the first child's status" "$status" 3
contains "the descendant was still supervised" "$(cat later)" "Permission denied"
contains "and nono waited for it" "$(cat later)" late
finish
