#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# nono run as a citizen of a shell: pipelines, closed streams, signals from outside, job control.
. "$(dirname "$0")/lib.sh"

# The session's own processes, by the directory that run.sh gave us.
stopped() { # PID
    grep -q '^State:.T' "/proc/$1/status" 2>/dev/null
}

gone() { # PID
    [ ! -e "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null
}

# Whoever continues it can't see whether it stopped already.
continued_and_gone() { # PID
    kill -CONT "$1"
    gone "$1"
}

# Starts nono run with the dispositions of a terminal's foreground; sets $nono.
start() {
    rm -f pid
    env --default-signal=INT,QUIT,HUP,TERM "$NONO" run "$@" >out 2>&1 </dev/null &
    nono=$!
}

finished() {
    status=none
    if poll gone "$nono"; then
        wait "$nono" 2>/dev/null
        status=$?
    else
        kill -KILL "$nono" 2>/dev/null
    fi
}

scenario "pipelines"
equal "standard input" "$(echo x | "$NONO" run -- cat)" x
equal "standard output" "$("$NONO" run -- seq 3 | head -n 1)" 1
"$NONO" run -- yes 2>/dev/null | head -n 1 >/dev/null
equal "a reader that leaves" "${PIPESTATUS[0]}" 141

scenario "closed streams"
"$NONO" run -- sh -c '! read -r x' <&- 2>err
equal "standard input: status" "$?" 0
"$NONO" run -- sh -c 'echo x' >&- 2>/dev/null
equal "standard output fails as natively" "$?" "$(sh -c 'echo x' >&- 2>/dev/null; echo $?)"
"$NONO" run -- sh -c 'exit 3' <&- >&- 2>&-
equal "all of them" "$?" 3
equal "the record is whole" "$("$NONO" ps --all --jsonl | rows 'len(rows)')" 3

scenario "SIGTERM ends the command and what it started"
start -- sh -c 'setsid sleep 60 & echo $! >pid; exec sleep 60'
poll test -s pid
kill -TERM "$nono"
finished
equal "status" "$status" 143
poll gone "$(cat pid)" && pass "the descendant is gone" || fail "the descendant is gone"

scenario "SIGTERM to a stopped command"
start -- sh -c 'echo $$ >pid; kill -STOP $$; exec sleep 60'
poll test -s pid
poll stopped "$(cat pid)"
kill -TERM "$nono"
poll continued_and_gone "$nono"
finished
equal "status" "$status" 143

scenario "SIGTERM to a command that tidies up"
start -- sh -c 'trap "exit 9" TERM; sleep 60 & echo $! >pid; wait'
poll test -s pid
kill -TERM "$nono"
finished
equal "its own status" "$status" 9

scenario "SIGTERM to a command that ignores it"
start -- sh -c 'trap "" TERM; echo $$ >pid; while :; do sleep 1; done'
poll test -s pid
kill -TERM "$nono"
finished
equal "it ends as with its terminal" "$status" 129
start -- sh -c 'trap "" TERM HUP; echo $$ >pid; while :; do sleep 1; done'
poll test -s pid
before=$SECONDS
kill -TERM "$nono"
finished
equal "killed in the end" "$status" 137
at_most "seconds" $((SECONDS - before)) 4

scenario "SIGTERM refuses what waits"
start --ui attach -- sh -c "trap 'exit 3' TERM; echo \$\$ >pid; cat $SECRET; wait; exit 4"
poll test -s pid
wait_request secret.txt >/dev/null
kill -TERM "$nono"
finished
equal "status" "$status" 3
equal "the decision" "$(log_rows "[(r['verdict'], r['by']) for r in of(kind='decision')]")" "[('deny', 'internal')]"

scenario "what was ignored at the start stays ignored"
rm -f pid
(trap '' HUP; exec "$NONO" run -- sh -c 'echo $$ >pid; sleep 1; exit 4' >out 2>&1 </dev/null) &
nono=$!
poll test -s pid
kill -HUP "$nono"
finished
equal "SIGHUP" "$status" 4
$PYTHON -c 'import os, signal, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
os.execv(sys.argv[1], sys.argv[1:])' "$NONO" run -- sh -c 'exit 7' </dev/null
equal "SIGCHLD" "$?" 7

scenario "a command that stops without a terminal"
start -- sh -c 'echo $$ >pid; kill -STOP $$; echo resumed; exit 5'
poll test -s pid
poll stopped "$(cat pid)" && pass "it stops" || fail "it stops"
poll continued_and_gone "$nono"
finished
equal "and goes on with nono" "$(cat out)" resumed
equal "status" "$status" 5

scenario "descendants that outlive the command stay supervised"
output=$("$NONO" run --on-ask deny -- sh -c "(sleep 0.5; cat $SECRET; echo late) & exit 6" 2>&1)
equal "status" "$?" 6
contains "refused" "$output" "Permission denied"
contains "until the last one is gone" "$output" late

scenario "a start that fails"
output=$("$NONO" run --db /proc/none/audit.db -- touch made 2>&1)
equal "status" "$?" 125
equal "one line" "$(echo "$output" | wc -l)" 1
contains "that names the file" "$output" /proc/none/audit.db
[ ! -e made ] && pass "the command did not run" || fail "the command did not run"
scenario "another session is reached by none, wherever its socket lies"
mkdir -m 0700 "$T/run2"
run_background --ui attach --name first -- cat "$SECRET"
id=$(wait_request secret.txt)
socket=$(ls "$XDG_RUNTIME_DIR"/nono/*.sock)
cat >join.py <<'END'
import socket, sys
s = socket.socket(socket.AF_UNIX)
try:
    s.connect(sys.argv[1])
    print("answered" if b"hello" in s.recv(65536) else "turned away")
except OSError as e:
    print(e.strerror)
END
ln "$socket" "$T/run2/plain" 2>/dev/null
beside() { XDG_RUNTIME_DIR=$T/run2 run --ui none --on-ask allow --unix-sockets allow -r "$BIN" -- "$@"; }
beside env XDG_RUNTIME_DIR="$XDG_RUNTIME_DIR" "$NONO" allow "$id"
contains "nono allow of another sandbox" "$output" "nono:"
beside $PYTHON join.py "$socket"
contains "nor by hand" "$output" "Permission denied"
beside $PYTHON join.py "$T/run2/plain"
lacks "nor by another name" "$output" "answered"
equal "a program outside is answered" "$($PYTHON join.py "$T/run2/plain")" answered
equal "it still waits" "$(pending_rows 'len(rows)')" 1
"$NONO" deny "$id" >/dev/null
join_background
finish
