#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The task or the supervisor dies at the wrong moment.
. "$(dirname "$0")/lib.sh"

scenario "the task is killed while its request is shown"
run_background --ui attach -- sh -c 'echo $$ >pid; exec cat '"$SECRET"
id=$(wait_request secret.txt)
kill -KILL "$(cat pid)"
nothing_waits() { [ "$(pending_rows 'len(rows)' 2>/dev/null)" = 0 ]; }
poll nothing_waits && pass "it no longer waits" || fail "it no longer waits" "$("$NONO" pending)"
"$NONO" allow "$id" >/dev/null 2>&1 && fail "it cannot be allowed any more" || pass "it cannot be allowed any more"
join_background
equal "status" "$status" 137
equal "the log says withdrawn" "$(log_rows "[r['verdict'] for r in of(kind='decision')]")" "['withdrawn']"
equal "one request" "$(log_rows "len(of(kind='request'))")" 1

scenario "a signal ends the task, which its call went back for"
cat >handled.py <<END
import os, signal
signal.signal(signal.SIGUSR1, lambda *_: os._exit(3))
open("pid", "w").write(str(os.getpid()))
open("$SECRET")
END
run_background --ui attach -- sh -c "$PYTHON handled.py; s=\$?; until [ -e go ]; do :; done; exit \$s"
id=$(wait_request secret.txt)
victim=$(cat pid)
is_dead() { ! grep -q '^State:.[^ZX]' "/proc/$victim/status" 2>/dev/null; }
kill -USR1 "$victim"
until is_dead; do :; done
"$NONO" allow "$id" >/dev/null 2>&1 && fail "it cannot be allowed" || pass "it cannot be allowed"
touch go
join_background
equal "its own status" "$status" 3
equal "withdrawn" "$(log_rows "[r['verdict'] for r in of(kind='decision')]")" "['withdrawn']"

scenario "the task was killed just before it is decided"
for i in 1 2 3 4 5; do
    run_background --ui attach -- sh -c 'echo $$ >pid; exec cat '"$SECRET"
    id=$(wait_request secret.txt)
    victim=$(cat pid)
    kill -KILL "$victim"
    until is_dead; do :; done
    "$NONO" allow "$id" >/dev/null 2>&1 && fail "no dead task is allowed anything" || pass "no dead task is allowed anything"
    join_background
done
equal "the log says withdrawn" "$(log_rows "set(r['verdict'] for r in of(kind='decision'))")" "{'withdrawn'}"

scenario "in the pane its keys are dead"
screen_start "$NONO run -- sh -c 'sh -c \"echo \\\$\\\$ >$T/work/victim; exec cat $SECRET\"; echo after; read -r line'"
wait_request secret.txt >/dev/null
wait_screen "shown" main:0 "1 waiting"
screen_keys main:0 'C-]' a
wait_screen "armed" main:0 '[ARMED]'
kill -KILL "$(cat victim)"
wait_screen "the row says so" main:0 withdrawn
screen_keys main:0 o
screen_keys main:0 s
sleep 0.3
equal "nothing was allowed" "$(log_rows "len(of(verdict='allow'))")" 0
screen_stop

database() { # of the scenario
    echo "$XDG_STATE_HOME/nono/audit.db"
}

supervisor_pid() {
    "$NONO" ps --jsonl | rows 'rows[0]["pid"]'
}

integrity() {
    $PYTHON -c 'import sqlite3, sys
print(sqlite3.connect(sys.argv[1]).execute("PRAGMA integrity_check").fetchone()[0])' "$1"
}

cat >opener.sh <<EOF
echo started
while :; do
    cat $SECRET >/dev/null 2>&1 && echo read >>seen || echo refused >>seen
done
EOF
scenario "kill -9 of the supervisor while a request waits"
rm -f seen
run_background --ui attach -- sh -c "cat $SECRET >seen 2>&1; while [ ! -e stop ]; do sleep 0.05; done; cat granted >>seen 2>&1; echo done >>seen"
wait_request secret.txt >/dev/null
kill -KILL "$(supervisor_pid)"
join_background
equal "nono is gone" "$status" 137
: >stop
lacks "nothing was granted" "$(cat seen 2>/dev/null)" "the content"
equal "the record is whole" "$(integrity "$(database)")" ok
equal "the session is listed as crashed" "$("$NONO" ps --all --jsonl | rows "[r['state'] for r in rows]")" "['crashed']"
contains "nono log says so" "$("$NONO" log)" crashed
equal "and the request is in it" "$(log_rows "len(of(kind='request', resolved='$SECRET'))")" 1
equal "and no allow" "$(log_rows "len(of(verdict='allow'))")" 0

for i in 1 2 3; do
    scenario "kill -9 at a random moment, $i"
    rm -f seen
    run_background --on-ask deny -- sh opener.sh
    poll grep -q refused seen
    sleep "0.$((RANDOM % 5))$((RANDOM % 10))"
    kill -KILL "$(supervisor_pid)"
    join_background
    equal "nothing was granted" "$(grep -c read seen)" 0
    equal "the record is whole" "$(integrity "$(database)")" ok
    equal "crashed" "$("$NONO" ps --all --jsonl | rows "[r['state'] for r in rows]")" "['crashed']"
    run --on-ask deny -- true
    equal "the next session starts" "$status" 0
    equal "and is recorded beside it" "$("$NONO" ps --all --jsonl | rows "[r['state'] for r in rows]")" "['crashed', 'exited']"
done

scenario "a live session is readable"
run_background --ui attach -- cat "$SECRET"
id=$(wait_request secret.txt)
in_log() { [ "$(log_rows "len(of(kind='request'))")" = 1 ]; }
poll in_log && pass "its request is in the log" || fail "its request is in the log" "$("$NONO" log)"
contains "nono log says running" "$("$NONO" log)" running
"$NONO" deny "$id" >/dev/null
join_background
finish
