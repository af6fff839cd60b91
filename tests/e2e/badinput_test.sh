#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Bad input: a clear message or the kernel's own errno, and nothing lost.
. "$(dirname "$0")/lib.sh"

refused() { # NAME PART STATUS ARGS...: nono ARGS ends so and says PART
    local name=$1 part=$2 want=$3
    shift 3
    output=$("$NONO" "$@" 2>&1 </dev/null)
    status=$?
    equal "$name: status" "$status" "$want"
    contains "$name: message" "$output" "$part"
}

scenario "the command line"
refused "unknown command" "'rnu' is not a command; did you mean 'run'?" 2 rnu
refused "unknown command, nothing near" "'xyzzyx' is not a command" 2 xyzzyx
refused "no command" "nono run" 2
refused "unknown option" "'--alow' is not an option; did you mean '--allow'?" 125 run --alow x -- true
refused "unknown letter" "'-Z' is not an option" 125 run -Z -- true
refused "missing argument" "--db" 125 run --db
refused "argument too much" "takes no argument" 2 pending --jsonl=3
refused "not a number" "soon:" 125 run --ask-timeout soon -- true
refused "no command to tell" "a command, osc9 or osc777" 125 run --notify "" -- true
refused "nor for nono ui" "a command, osc9 or osc777" 2 ui --notify ""
refused "unknown word" "did you mean 'deny'?" 125 run --on-ask denny -- true
refused "unknown mode" "split" 125 run --ui splitt -- true
refused "no command to run" "nono run" 125 run
refused "log, unknown option" "did you mean '--jsonl'?" 2 log --jsnol
refused "allow without an id" "nono allow" 2 allow
refused "allow, no number" "seven" 2 allow seven
refused "revoke, no number" "seven" 2 revoke seven
refused "revoke without a grant" "which grant?" 2 revoke
refused "stop without a session" "which session?" 2 stop
refused "nothing to stop" "no session is running" 1 stop @
refused "nothing to attach" "no terminal" 1 attach
refused "allow, a scope too much" "one of" 2 allow 1 --session --always
refused "allow, no such reach" "did you mean 'subtree'?" 2 allow 1 --session --reach subtre
refused "allow, no length of time" "soon:" 2 allow 1 --for soon
theirs=/usr
[ "$(id -u)" = 0 ] && mkdir -m 700 "$T/theirs" && chown 1 "$T/theirs" && theirs=$T/theirs
for command in pending ps "allow 1" "deny 1" "stop @"; do
    # shellcheck disable=SC2086
    contains "another user's sessions: $command" \
        "$(XDG_RUNTIME_DIR=$theirs "$NONO" $command 2>&1)" "no session is running; XDG_RUNTIME_DIR, $theirs, is another user's"
done
contains "and ui" "$(XDG_RUNTIME_DIR=$theirs "$NONO" ui --plain 2>&1 </dev/null)" "is another user's"
equal "help" "$("$NONO" --help | grep -c '  nono run ')" 1
equal "version" "$("$NONO" --version | cut -d' ' -f1)" nono
for command in run ui pending allow deny grants revoke ps attach stop log show replay report doctor; do
    output=$("$NONO" help "$command")
    contains "help $command" "$output" "usage: nono $command"
    equal "$command --help says the same" "$("$NONO" "$command" --help)" "$output"
    at_most "help $command fits a screen" "$(echo "$output" | wc -l)" 30
done

scenario "capabilities"
refused "path that does not exist" "$T/missing" 125 run -a "$T/missing" -- true
refused "and which option it was" "--allow" 125 run -a "$T/missing" -- true
refused "-a on a file" "$SECRET" 125 run -a "$SECRET" -- true
refused "--read-file on a directory" "$OUT" 125 run --read-file "$OUT" -- true
refused "-r on an empty path" "--read" 125 run -r '' -- true
refused "a name that is no text" '\xff\x1b[31m' 125 run -a "$T/"$'\xff\x1b[31m' -- true
run -r "$OUT" --on-ask deny -- cat "$SECRET"
equal "-r gives reading" "$output" "the content"
run -r "$OUT" --on-ask deny -- sh -c "echo x >>$SECRET"
equal "and no writing" "$status" 2
run --read-file "$SECRET" --on-ask deny -- cat "$SECRET"
equal "--read-file gives the file" "$output" "the content"
echo beside >"$OUT/beside"
run --read-file "$SECRET" --on-ask deny -- cat "$OUT/beside"
equal "and nothing beside it" "$status" 1
run --workdir-access none --on-ask deny -- sh -c 'echo x >new'
equal "--workdir-access none" "$status" 2
run --workdir-access read --on-ask deny -- sh -c 'ls >/dev/null && echo x >new'
equal "--workdir-access read" "$status" 2
run -r "$OUT" -w "$OUT" --on-ask deny -- sh -c "echo more >>$SECRET; exec 5<>$SECRET; head -n 1 <&5"
equal "read from one and write from another combine" "$output" "the content"
printf 'the content\n' >"$SECRET"

scenario "the record"
echo 'this is no database, and longer than one header of it would be: it is kept as it is.' >garbage.db
cp garbage.db garbage.copy
refused "garbage" garbage.db 125 run --db "$T/work/garbage.db" -- true
equal "is not touched" "$(cmp garbage.db garbage.copy && echo same)" same
refused "log of garbage" garbage.db 3 log --db garbage.db
refused "log of nothing" missing.db 3 log --db missing.db
refused "a directory" "$OUT" 125 run --db "$OUT" -- true
if [ "$(id -u)" != 0 ]; then
    mkdir -m 0500 locked
    refused "a directory that may not be written" locked 125 run --db locked/x.db -- true
    "$NONO" run --db own.db -- true
    chmod 000 own.db
    refused "log of an unreadable record" own.db 3 log --db own.db
    refused "run on an unreadable record" own.db 125 run --db own.db -- true
fi
# A database of another program is not ours to write into.
$PYTHON -c 'import sqlite3; c = sqlite3.connect("other.db"); c.execute("create table t (a)"); c.commit()'
refused "another program's database" other.db 125 run --db "$T/work/other.db" -- true

scenario "the terminal"
refused "--ui split without one" "terminal" 125 run --ui split -- true
run -- true
equal "none is needed otherwise" "$status" 0
output=$(exec <&- >"$T/tmp/closed" 2>&1; "$NONO" run -- sh -c 'echo ok'; echo "$?" >>"$T/tmp/closed")
equal "standard input closed" "$(tr '\n' ' ' <"$T/tmp/closed")" "ok 0 "
output=$(env -u HOME -u XDG_STATE_HOME "$NONO" run --db "$T/work/nohome.db" --on-ask deny -- sh -c 'echo ok' 2>&1)
contains "no HOME" "$output" ok
screen_start "TERM=unknown-xyz $NONO run -- true"
poll test -s "$T/tmp/status"
wait_screen "TERM unknown is named" main:0 unknown-xyz
equal "status" "$(cat "$T/tmp/status")" 125
screen_stop

for term in dumb ""; do
    screen_start "TERM=$term $NONO run -- sh -c 'echo printed by it'"
    poll test -s "$T/tmp/status"
    wait_screen "TERM=$term: plain mode, said in a line" main:0 "on this terminal (TERM): --ui plain"
    contains "it runs" "$(screen_text main:0)" "| printed by it"
    equal "its status" "$(cat "$T/tmp/status")" 0
    screen_stop
    screen_start "TERM=$term $NONO run --ui split -- true"
    poll test -s "$T/tmp/status"
    equal "TERM=$term: a screen that was asked for is an error" "$(cat "$T/tmp/status")" 125
    screen_stop
done

scenario "odd calls inside the floor"
bare() {
    rm -rf "$1"
    mkdir "$1"
    "$BIN/badcalls" "$1" 2>&1
}
want=$(bare "$T/work/calls")
rm -rf calls; mkdir calls
run --on-ask deny -- "$BIN/badcalls" "$T/work/calls"
if [ "$output" = "$want" ]; then pass "as bare"; else fail "as bare" "$(diff <(echo "$want") <(echo "$output"))"; fi
equal "status" "$status" 0

scenario "odd calls outside, allowed"
want=$(bare "$OUT/calls")
rm -rf "$OUT/calls"; mkdir "$OUT/calls"
"$BIN/badcalls" "$OUT/calls" prepare
run --on-ask allow -- "$BIN/badcalls" "$OUT/calls"
if [ "$output" = "$want" ]; then pass "as bare"; else fail "as bare" "$(diff <(echo "$want") <(echo "$output"))"; fi
equal "status" "$status" 0
equal "every line of the log is JSON" "$([ "$(log_rows 'len(rows)')" -gt 10 ] && echo yes)" yes
equal "an odd name comes escaped, with its bytes beside it" "$(log_rows "any('resolved_b64' in r for r in of(kind='request'))")" True
lacks "no control character on the terminal" "$("$NONO" log | tr -d '\n\t' | LC_ALL=C grep -c '[[:cntrl:]]')" 1

scenario "odd calls outside, refused, end natively or in EACCES"
rm -rf "$OUT/calls"; mkdir "$OUT/calls"
run --on-ask deny -- sh -c "cat '$OUT/calls/'; cat '$OUT/missing'; cat ''; echo done"
contains "missing is missing" "$output" "No such file"
contains "and it went on" "$output" "done"
finish
