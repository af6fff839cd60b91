#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A file outside the capabilities: refused, and allowed by nono allow.
. "$(dirname "$0")/lib.sh"

scenario "refused"
run --on-ask deny -- cat "$SECRET"
equal "cat fails" "$status" 1
contains "EACCES" "$output" "Permission denied"
lacks "no content" "$output" "the content"
contains "the footer names the flag" "$output" "--read-file $SECRET"
equal "one request is logged" "$(log_rows "len(of(kind='request', resolved='$SECRET', op='read'))")" 1
equal "and its refusal" "$(log_rows "[(r['verdict'], r['reason']) for r in of(kind='decision')]")" \
    "[('deny', 'policy_blocked')]"
equal "the session has a start and an end" \
    "$(log_rows "(len(of(kind='session_start')), len(of(kind='session_end')))")" "(1, 1)"
contains "the short log names the file" "$("$NONO" log)" "$SECRET"
contains "--decision finds it" "$("$NONO" log --jsonl --decision deny)" "$SECRET"
equal "--decision allow does not" "$("$NONO" log --jsonl --decision allow | grep -c secret)" 0
contains "--path finds it" "$("$NONO" log --jsonl --path "$OUT/*")" "$SECRET"
equal "--path elsewhere does not" "$("$NONO" log --jsonl --path '/nowhere/*' | grep -c secret)" 0

scenario "allowed by nono allow"
run_background --ui attach -- cat "$SECRET"
id=$(wait_request secret.txt)
equal "it is op read" "$(pending_rows 'rows[0]["op"]')" read
"$NONO" allow "$id" --note 'is fine' >/dev/null || fail "nono allow succeeds"
join_background
equal "cat succeeds" "$status" 0
equal "the content" "$output" "the content"
equal "who decided" "$(log_rows "[(r['verdict'], r['by'], r['scope'], r['source']) for r in of(kind='decision')]")" \
    "[('allow', 'user', 'once', 'nono allow')]"
equal "how long it waited" \
    "$(log_rows "of(kind='decision')[0]['waited_ms'] >= 0 and of(kind='request')[0]['request'] == of(kind='decision')[0]['request']")" True
equal "a note is kept" "$("$NONO" log --jsonl | grep -c 'is fine')" 1

scenario "denied by nono deny"
run_background --ui attach -- cat "$SECRET"
id=$(wait_request secret.txt)
"$NONO" deny "$id" >/dev/null || fail "nono deny succeeds"
join_background
equal "cat fails" "$status" 1
lacks "no content" "$output" "the content"
equal "who refused" "$(log_rows "[(r['verdict'], r['by'], r['reason']) for r in of(kind='decision')]")" \
    "[('deny', 'user', 'user_denied')]"
output=$("$NONO" allow "$id" 2>&1)
equal "a late decision is an error" "$([ $? != 0 ] && echo yes)" yes

scenario "allow for the session answers for all that follows"
run_background --ui attach -- "$BIN/opens" "$SECRET" 10000
id=$(wait_request secret.txt)
"$NONO" allow "$id" --session >/dev/null || fail "nono allow --session succeeds"
join_background
equal "10 000 opens" "$output" "ok=10000 eintr=0 other=0 signals=0"
equal "one prompt" "$(log_rows "len(of(kind='request', resolved='$SECRET'))")" 1

scenario "deny for the session likewise"
run_background --ui attach -- "$BIN/opens" "$SECRET" 100
id=$(wait_request secret.txt)
"$NONO" deny "$id" --session >/dev/null || fail "nono deny --session succeeds"
join_background
contains "100 refusals" "$output" "ok=0 eintr=0 other=100"
equal "one prompt" "$(log_rows "len(of(kind='request', resolved='$SECRET'))")" 1

scenario "what was shown is what is opened"
printf 'another\n' >"$OUT/other.txt"
ln -s "$SECRET" "$T/work/swapped"
run_background --ui attach -- cat swapped
id=$(wait_request secret.txt)
ln -sfn "$OUT/other.txt" "$T/work/swapped"
"$NONO" allow "$id" >/dev/null
join_background
equal "the object that was approved" "$output" "the content"

scenario "a file is made by approval"
run_background --ui attach -- sh -c "umask 027; echo made >$OUT/made.txt"
id=$(wait_request made.txt)
equal "op create" "$(pending_rows 'rows[0]["op"]')" create
"$NONO" allow "$id" >/dev/null
join_background
equal "status" "$status" 0
equal "content" "$(cat "$OUT/made.txt")" made
equal "mode by the task's umask" "$(stat -c %a "$OUT/made.txt")" 640

scenario "nobody answers"
start=$SECONDS
run --ui attach --ask-timeout 1 -- cat "$SECRET"
equal "cat fails" "$status" 1
lacks "no content" "$output" "the content"
equal "the log says expired" "$(log_rows "[(r['verdict'], r['by'], r['reason']) for r in of(kind='decision')]")" \
    "[('expired', 'timeout', 'timed_out')]"
at_most "in time" $((SECONDS - start)) 5
# Nothing is left to be looked after when it asks: that is what the pause is for.
out=$(timeout 20 "$NONO" run --ui attach --ask-timeout 1 -- $PYTHON -c "
import os, time
time.sleep(0.5)
try: os.open('$SECRET', 0)
except PermissionError: print('refused')" 2>/dev/null; echo "status $?")
equal "nor what comes out of a silence" "$out" "refused
status 0"

scenario "on-ask allow grants and records"
run --on-ask allow -- cat "$SECRET"
equal "content" "$output" "the content"
equal "recorded" "$(log_rows "[(r['verdict'], r['by']) for r in of(kind='decision')]")" "[('allow', 'initial')]"

scenario "from inside nobody approves and nobody looks"
run_background --ui attach -- sh -c "$NONO pending; $NONO allow 1; $NONO grants; $NONO revoke 1; $NONO stop @; cat $XDG_STATE_HOME/nono/audit.db; ls $XDG_RUNTIME_DIR/nono; cat $SECRET"
id=$(wait_request secret.txt)
"$NONO" deny "$id" >/dev/null
join_background
equal "the session was not ended from inside" "$status" 1
lacks "the record is not readable" "$output" "SQLite format"
lacks "no content" "$output" "the content"
equal "the request was not decided from inside" \
    "$(log_rows "[r['source'] for r in of(kind='decision', by='user')]")" "['nono deny']"
run --on-ask allow -- cat "$XDG_STATE_HOME/nono/audit.db"
lacks "the record cannot be granted" "$output" "SQLite format"
equal "by protected" "$(log_rows "any(r.get('by') == 'protected' for r in rows)")" True
scenario "both ends of a rename are named wherever it is decided"
mkdir -p "$HOME/.ssh"
echo x >moving
run_background --ui attach -- mv moving "$HOME/.ssh/authorized_keys"
id=$(wait_request /moving)
contains "nono pending" "$("$NONO" pending)" "moving -> $HOME/.ssh/authorized_keys"
contains "and its risk" "$("$NONO" pending)" "!! high: ssh-key"
contains "nono deny" "$("$NONO" deny "$id")" "moving -> $HOME/.ssh/authorized_keys"
join_background
contains "nono log" "$("$NONO" log)" "-> $HOME/.ssh/authorized_keys"

scenario "what a rename destroys is said"
M=$OUT/moves
mkdir -p "$M/empty" "$M/dir"
printf 12345 >"$M/old"
printf new >"$M/new"
ln -s nowhere "$M/link"
moves() { # FROM TO SAID
    run_background --ui attach -- perl -e 'rename $ARGV[0], $ARGV[1]' "$M/$1" "$M/$2"
    id=$(wait_request "moves/$1")
    equal "$1 over $2" "$(pending_rows "rows[0].get('detail', '')")" "$3"
    shown=$("$NONO" pending)
    "$NONO" deny "$id" >/dev/null
    join_background
}
moves new old "replaces a file of 5 bytes"
contains "in the list" "$shown" "old  [replaces a file of 5 bytes]"
contains "in the record" "$("$NONO" log -v)" "replaces a file of 5 bytes"
moves new link "replaces a symbolic link"
moves dir empty "replaces an empty directory"
moves new fresh ""

finish
