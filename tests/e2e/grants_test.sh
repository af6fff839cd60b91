#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Decisions that hold longer than once: how far, for how long, taken back; and what a client of the
# control socket may order besides.
. "$(dirname "$0")/lib.sh"

mkdir -p "$OUT/d/sub"
for f in d/1 d/2 d/3 d/sub/s d2; do echo "content of $f" >"$OUT/$f"; done

decisions() { # the last component of the path, the verdict, by whom
    log_rows "[(r['resolved'].split('/')[-1], r['verdict'], r['by']) for r in of(kind='decision')]"
}

waits() { # PATH-END
    request_waits "$1"
}

grant_rows() { # EXPRESSION
    "$NONO" grants --jsonl | rows "$1"
}

# Reads the files that it is told on its pipe, one after the other.
start_reader() {
    rm -f "$T/tmp/pipe"
    mkfifo "$T/tmp/pipe"
    run_background --ui attach -a "$T/tmp" -- sh -c 'while read -r f; do cat "$f" 2>&1; done <"$0"' "$T/tmp/pipe"
    exec 5>"$T/tmp/pipe"
}

read_file() { # PATH
    echo "$1" >&5
}

has_output() { # TEXT
    grep -qF -- "$1" "$T/tmp/out"
}

expect_output() { # NAME TEXT
    if poll has_output "$2"; then pass "$1"; else fail "$1" "$(cat "$T/tmp/out")"; fi
}

scenario "what a grant answers while it waits is counted once"
run_background --ui attach -- sh -c "cat $OUT/d/1 & cat $OUT/d/1 & cat $OUT/d/2 & wait"
id=$(wait_request d/1)
wait_request d/2 >/dev/null
both() { [ "$(pending_rows "[r['count'] for r in rows if r['request'] == $id]")" = "[2]" ]; }
poll both && pass "two wait in one row" || fail "two wait in one row" "$("$NONO" pending --json)"
"$NONO" allow "$id" --session --reach dir >/dev/null
join_background
contains "three were allowed" "$("$NONO" log @)" "allowed 3"

scenario "a directory for the session"
start_reader
read_file "$OUT/d/1"
id=$(wait_request d/1)
equal "said" "$("$NONO" allow "$id" --session --reach dir)" "allowed for the session, dir: read $OUT/d/1"
expect_output "read" "content of d/1"
read_file "$OUT/d/2"
expect_output "its neighbour is read without asking" "content of d/2"
read_file "$OUT/d/sub/s"
id=$(wait_request sub/s)
pass "what lies deeper is asked about"
"$NONO" deny "$id" --session --reach subtree >/dev/null
expect_output "refused" "sub/s: Permission denied"
equal "two grants" "$(grant_rows "[(r['verdict'], r['reach'], r['path'].split('/')[-1]) for r in rows]")" \
    "[('allow', 'dir', 'd'), ('deny', 'subtree', 'sub')]"
poll test "$(grant_rows "rows[0]['uses']")" = 1
equal "used once" "$(grant_rows "rows[0]['uses']")" 1
contains "in words" "$("$NONO" grants)" "allow read in $OUT/d"

scenario_state=$XDG_STATE_HOME
contains "taken back" "$("$NONO" revoke 1)" "taken back: allow read in $OUT/d (used 1 time"
read_file "$OUT/d/3"
id=$(wait_request d/3)
pass "from then on it is asked about again"
equal "what is gone cannot be taken back" "$("$NONO" revoke 1 2>&1; echo $?)" \
    "nono revoke: there is no grant 1, or it has ended
1"
"$NONO" allow "$id" --for 1s >/dev/null
expect_output "for a second" "content of d/3"
no_timed_grant() { [ "$(grant_rows "len(of(scope='time'))")" = 0 ]; }
poll no_timed_grant && pass "it ends by itself" || fail "it ends by itself" "$("$NONO" grants)"
read_file "$OUT/d/3"
id=$(wait_request d/3)
"$NONO" deny "$id" >/dev/null
expect_output "and is asked about again" "d/3: Permission denied"
exec 5>&-
join_background
equal "the record" "$(log_rows "[r['kind'] for r in rows if r['kind'] in ('grant', 'revoke')]")" \
    "['grant', 'grant', 'revoke', 'grant']"

scenario "a decision answers what waits already"
run_background --ui attach -- sh -c "cat $OUT/d/1 & cat $OUT/d/2 & cat $OUT/d/sub/s & cat $OUT/d2 & wait"
poll pending_at_least 4
id=$(wait_request sub/s)
"$NONO" allow "$(wait_request d/1)" --session --reach dir >/dev/null
two_wait() { [ "$(pending_rows 'len(rows)')" = 2 ]; }
poll two_wait && pass "two of four are left" || fail "two of four are left" "$("$NONO" pending)"
"$NONO" deny "$id" --always --reach subtree >/dev/null
"$NONO" deny "$(wait_request d2)" >/dev/null
join_background
equal "who decided what" \
    "$(log_rows "sorted((r['resolved'].split('/')[-1], r['verdict'], r['by']) for r in of(kind='decision'))")" \
    "[('1', 'allow', 'user'), ('2', 'allow', 'rule'), ('d2', 'deny', 'user'), ('s', 'deny', 'user')]"

scenario "writing below a directory is every change there"
mkdir -p "$OUT/build"
run_background --ui attach -- sh -c "cd $OUT/build && echo x >a && mkdir d && echo y >d/b && chmod 600 d/b && mv d/b c && ln c e && rm a && truncate -s 0 c && echo done; until [ -e $PWD/go ]; do sleep 0.05; done"
"$NONO" allow "$(wait_request build/a)" --session --reach subtree >/dev/null
contains "in words" "$("$NONO" grants)" "allow change below $OUT/build"
touch go
join_background
contains "without a second question" "$output" "done"
equal "one request" "$(log_rows "len(of(kind='request'))")" 1

scenario "always"
run_background --ui attach --name first -- sh -c "cat $OUT/d/1; cat $OUT/d/sub/s; cat $OUT/d2"
"$NONO" allow "$(wait_request d/1)" --always --reach dir >/dev/null
"$NONO" deny "$(wait_request sub/s)" --always >/dev/null
id=$(wait_request d2)
first=$("$NONO" ps --jsonl | rows "rows[0]['session']")
"$NONO" allow "$id" --session >/dev/null
join_background
equal "remembered" "$(grant_rows "[(r['state'], r['grant'], r['verdict']) for r in rows]")" \
    "[('remembered', 1, 'allow'), ('remembered', 2, 'deny')]"
run --on-ask deny -- sh -c "cat $OUT/d/2; cat $OUT/d/sub/s; cat $OUT/d2"
contains "a later session allows what was allowed" "$output" "content of d/2"
contains "and denies what was denied" "$output" "sub/s: Permission denied"
contains "but not what was for the session" "$output" "d2: Permission denied"
equal "both have answered once since" "$(grant_rows "[r['uses'] for r in rows]")" "[1, 1]"
contains "in words" "$("$NONO" grants)" "    1  always           1  allow read in $OUT/d"
stats=$("$NONO" log --stats)
contains "prompts saved by the one" "$stats" "allow read dir "
contains "and by the other" "$stats" "deny read object "
for columns in 44 60; do
    fits "rules fit $columns columns" "$(COLUMNS=$columns "$NONO" log --stats --group rule)" $columns
done
contains "the end of what a rule is about stays" "$(COLUMNS=60 "$NONO" log --stats --group rule)" "deny read object <"
contains "in the session that used them too" "$("$NONO" log --stats --json @ | $PYTHON -c '
import json, sys
r = json.load(sys.stdin)
print(r["prompts_saved"], sorted((e["key"].split()[0], e["n"]) for e in r["rule"]))')" "2 [('allow', 1), ('deny', 1)]"
saved() { "$NONO" log --stats --json "$@" @ | $PYTHON -c '
import json, sys
r = json.load(sys.stdin)
print(r["prompts_saved"], r["allowed"])'; }
equal "none of an allow among what was denied" "$(saved --decision deny)" "1 0"
equal "nor of any by program, which nobody knows" "$(saved --exe cat)" "0 0"
equal "by rule, without a question" "$(log_rows "sum(r['resolved'].endswith('/d/2') for r in of(kind='request'))")" 0
start_reader
read_file "$OUT/d/2"
expect_output "one more session" "content of d/2"
equal "two grants there" "$(grant_rows "[(r['origin'] == '$first', r['origin_grant']) for r in of(state='live')]")" \
    "[(True, 1), (True, 2)]"
uses_are() { [ "$(grant_rows "[(r['state'], r['grant'], r['uses']) for r in rows]")" = "$1" ]; }
expected="[('live', 1, 1), ('live', 2, 0), ('remembered', 1, 2), ('remembered', 2, 1)]"
if poll uses_are "$expected"; then pass "there, and in all"; else fail "there, and in all" "$("$NONO" grants)"; fi
contains "taken back by its name" "$("$NONO" revoke "$first:1")" "taken back: allow read in $OUT/d (used 2 times)"
read_file "$OUT/d/3"
id=$(wait_request d/3)
pass "at once where it was read"
"$NONO" deny "$id" >/dev/null
equal "and for later ones" "$(grant_rows "[r['grant'] for r in of(state='remembered')]")" "[2]"
contains "taken back in a session" "$("$NONO" revoke @:2)" "taken back: deny read"
exec 5>&-
join_background
equal "nothing is remembered" "$("$NONO" grants --jsonl)" ""
equal "the record holds" "$("$NONO" verify >/dev/null 2>&1; echo $?)" 0

scenario "what cannot be"
run_background --ui attach -- cat "$SECRET"
id=$(wait_request secret.txt)
output=$("$NONO" allow "$id" --session --reach host 2>&1)
equal "a file has no host: status" "$?" 1
contains "a file has no host: words" "$output" "not possible for this request"
equal "still waiting" "$(pending_rows 'len(rows)')" 1
for bad in "--for 0" "--for 5x" "--for 1000d" "--for -1s" "--reach object --reach=none" "--session --always" \
    "--reach dir"; do
    # shellcheck disable=SC2086
    "$NONO" allow "$id" $bad >/dev/null 2>&1
    equal "nono allow $bad" "$?" 2
done
"$NONO" deny "$id" --for 5s >/dev/null 2>&1
equal "a denial has no --for" "$?" 2
equal "still waiting" "$(pending_rows 'len(rows)')" 1
"$NONO" deny "$id" >/dev/null
join_background

scenario "requests of sessions that start later"
"$NONO" pending -f --jsonl >"$T/tmp/followed" 2>&1 &
follower=$!
run_background --ui attach --name later -- cat "$SECRET"
followed() { grep -qF secret.txt "$T/tmp/followed"; }
poll followed && pass "nono pending -f tells them" || fail "nono pending -f tells them" "$(cat "$T/tmp/followed")"
kill "$follower"
wait "$follower" 2>/dev/null
equal "nono stop" "$("$NONO" stop later 2>&1; echo $?)" 0
join_background
equal "the command was told to end" "$status" 143
equal "nothing runs" "$("$NONO" ps --jsonl)" ""

scenario "nono stop and a command that will not"
run_background --ui attach -- sh -c 'trap "" TERM HUP; echo deaf >deaf; while :; do sleep 1; done'
poll test -s deaf
started=$SECONDS
"$NONO" stop @
equal "status" "$?" 0
at_most "seconds" $((SECONDS - started)) 4
join_background
equal "killed" "$status" 137
equal "there is none to stop" "$("$NONO" stop @ 2>&1; echo $?)" "nono stop: no session is running
1"

# A client like an editor's: freezes, looks, thaws.
cat >"$T/tmp/plugin.py" <<'PLUGIN'
import json, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
f = s.makefile("rw")
def send(**m):
    f.write(json.dumps(m) + "\n")
    f.flush()
send(type="attach", protocol=1, role="plugin", watch=True)
for line in f:
    m = json.loads(line)
    if m["type"] == "synced":
        send(type="freeze", on=sys.argv[2] == "on")
    if m["type"] == "result":
        print(m["ok"])
    if m["type"] == "frozen" and m["on"] == (sys.argv[2] == "on"):
        break
PLUGIN

scenario "everything stands still"
run_background --ui attach -- sh -c '(cat "$0" & while :; do date +%N >tick; sleep 0.02; done) & echo $! >ticker; wait' \
    "$SECRET"
id=$(wait_request secret.txt)
poll test -s tick
poll test -s ticker
socket=$(echo "$XDG_RUNTIME_DIR"/nono/*.sock)
equal "the order is taken" "$($PYTHON "$T/tmp/plugin.py" "$socket" on)" True
ticker=$(cat ticker)
# A shell that waits for what it starts to begin (vfork) is D for as long as that is stopped.
poll grep -q '^State:.[TD]' "/proc/$ticker/status" && pass "it is stopped" || fail "it is stopped" "$(head -n 3 "/proc/$ticker/status" 2>&1)"
before=$(cat tick)
# Longer than a call that was sent back for a signal may stay away: time is the subject.
sleep 4
equal "nothing moves" "$(cat tick)" "$before"
equal "the request waits on" "$(pending_rows 'len(rows)')" 1
"$NONO" allow "$id" >/dev/null
equal "and can be decided" "$?" 0
lacks "but not read yet" "$(cat "$T/tmp/out")" "the content"
equal "everything goes on" "$($PYTHON "$T/tmp/plugin.py" "$socket" off; echo $?)" 0
expect_output "what was allowed is read" "the content"
moves() { [ "$(cat tick)" != "$before" ]; }
poll moves && pass "and moves" || fail "and moves"
"$NONO" stop @
join_background
scenario "taking back says who has it open"
mkdir "$OUT/h"
echo one >"$OUT/h/one"
revoke_words() { "$NONO" revoke "$(grant_rows "rows[0]['grant']")"; }
cat >hold.sh <<EOF2
exec 5<"\$1"
echo \$\$ >holder
read -r x <fifo
EOF2
hold() { # FILE REACH
    rm -f fifo holder
    mkfifo fifo
    run_background --ui attach -- bash hold.sh "$1"
    "$NONO" allow "$(wait_request "${1##*/}")" --session --reach "$2" >/dev/null
    poll test -s holder
}
hold "$OUT/h/one" object
contains "the task that holds the file" "$(revoke_words)" "(not used again; still open in bash/$(cat holder))"
"$NONO" stop @ >/dev/null
join_background
# The record lies below it, open in nono's own processes.
echo held >"$T/home/held"
hold "$T/home/held" subtree
contains "nono is none of them" "$(revoke_words)" "still open in bash/$(cat holder))"
"$NONO" stop @ >/dev/null
join_background

scenario "a record that can't be read holds up nothing"
db="$T/home/elsewhere.db"
with_grants() { # OPTION...: 1 for the session, 2 for ever
    run_background --ui attach "$@" -- sh -c "cat $OUT/d/1; cat $OUT/d2; cat $OUT/d/sub/s"
    "$NONO" allow "$(wait_request d/1)" --session >/dev/null
    "$NONO" allow "$(wait_request d2)" --always >/dev/null
    id=$(wait_request sub/s)
}
with_grants --db "$db"
mkdir -p "$XDG_STATE_HOME/nono"
echo damaged >"$XDG_STATE_HOME/nono/audit.db"
said=$("$NONO" revoke 1 2>"$T/tmp/err")
equal "one of the session: status" "$?" 0
equal "what is said" "$said" "taken back: allow read $OUT/d/1 (not used again; no task has it open)"
contains "and what can't be read" "$(cat "$T/tmp/err")" "$XDG_STATE_HOME/nono/audit.db"
equal "one that is remembered, by its session" "$("$NONO" revoke @:2 2>&1)" \
    "taken back: allow read $OUT/d2 (not used again in this session; no task has it open)"
equal "neither is left" "$("$NONO" grants @ --jsonl)" ""
equal "what is not there is not taken back" "$("$NONO" revoke 1 >/dev/null 2>&1; echo $?)" 1
"$NONO" deny "$id" >/dev/null
join_background
rm "$XDG_STATE_HOME/nono/audit.db"
equal "in its own record too" "$("$NONO" grants --db "$db" --jsonl)" ""
with_grants --db "$db"
"$NONO" deny "$id" >/dev/null
join_background
$PYTHON -c 'import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute("DROP TABLE access_count")' "$db"
equal "one that is only remembered, without its figures" "$("$NONO" revoke 2 --db "$db" 2>&1)" \
    "taken back: allow read $OUT/d2"
finish
