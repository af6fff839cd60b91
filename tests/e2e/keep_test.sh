#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The record proves itself, travels, and is cut back.
. "$(dirname "$0")/lib.sh"

HOSTILE="$T/outside/$(printf 'a\nb\033[31m\342\200\256\377 \"x,;')"
echo hostile >"$HOSTILE"
chmod 0755 "$T/outside"

echo '{"meta": {"name": "other"}, "extends": "default"}' >"$T/e2e/other.json"

record() { # sessions with something in them
    run --ui none --on-ask deny -- cat "$HOSTILE"
    run --ui none --on-ask allow -- sh -c 'cat "$1" >/dev/null' sh "$HOSTILE"
}
status_of() { # COMMAND...
    output=$("$@" 2>&1)
    status=$?
}
sql() { # FILE STATEMENT
    $PYTHON -c 'import sqlite3, sys
c = sqlite3.connect(sys.argv[1], isolation_level=None)
for row in c.execute(sys.argv[2]): print(*row)
c.close()' "$@"
}

scenario "verify finds what was changed"
record
db=$XDG_STATE_HOME/nono/audit.db
status_of "$NONO" verify --thorough
equal "thoroughly, too" "$status" 0
status_of "$NONO" verify
equal "a good record" "$status" 0
contains "is said to be one" "$output" "verified: 2 sessions"
equal "the key is private" "$(stat -c %a "$XDG_STATE_HOME/nono/audit.key")" 600
"$NONO" verify --anchor "$T/tmp/anchor" >/dev/null
run --ui none --on-ask deny -- true
status_of "$NONO" verify --against "$T/tmp/anchor"
equal "an anchor of before holds" "$status" 0
cp "$db" "$T/tmp/kept.db"
echo junk >"$T/tmp/junk.key" && mv "$XDG_STATE_HOME/nono/audit.key" "$T/tmp/audit.key"
for key in none junk.key; do
    [ $key = none ] || cp "$T/tmp/$key" "$XDG_STATE_HOME/nono/audit.key"
    status_of "$NONO" verify
    contains "without a key that can be read ($key) it is said" "$status$output" \
        "(you have no key to compare with: nothing here vouches for it)"
done
contains "and what is wrong with it" "$output" "nono verify: the key $XDG_STATE_HOME/nono/audit.key"
mv "$T/tmp/audit.key" "$XDG_STATE_HOME/nono/audit.key"
id=$("$NONO" log --jsonl | rows "rows[0]['session']")
sql "$db" "DROP TRIGGER decision_no_update"
sql "$db" "UPDATE decision SET verdict = 'allow' WHERE verdict = 'deny'"
status_of "$NONO" verify
equal "a changed verdict" "$status" 4
contains "is named" "$output" "session $id: event 3 "
equal "for programs too" "$("$NONO" verify --jsonl | rows "[(r['session'], r['event'])
    for r in rows if not r['ok']]")" "[('$id', 3)]"
equal "as one array" "$("$NONO" verify --json | $PYTHON -c \
    'import json, sys; print(len(json.load(sys.stdin)))')" 4
status_of "$NONO" verify "$id"
equal "so it is alone" "$status" 4
status_of "$NONO" verify @
equal "another session is good" "$status" 0
status_of "$NONO" verify nosuchsession
equal "a session that is not there" "$status" 2
status_of "$NONO" verify --db "$HOSTILE"
equal "a file that is no record" "$status" 3
rm "$db" "$XDG_STATE_HOME/nono/audit.key"
run --ui none --on-ask deny -- true
status_of "$NONO" verify --against "$T/tmp/anchor"
equal "a record begun anew is not the one of the anchor" "$status" 4

scenario "a session travels"
record
"$NONO" export -o "$T/tmp/one.db" @ >/dev/null
equal "exported" "$?" 0
status_of "$NONO" export -o "$T/tmp/one.db" @
equal "nothing is overwritten" "$status" 1
chmod 0400 "$T/tmp/one.db"
here=$("$NONO" log @ --jsonl)
there() { env XDG_STATE_HOME="$T/home/elsewhere" "$NONO" "$@"; }
equal "it reads the same elsewhere" "$(there log --db "$T/tmp/one.db" --jsonl)" "$here"
status_of there verify --db "$T/tmp/one.db"
equal "and verifies" "$status" 0
key=$("$NONO" verify --jsonl @ | rows "rows[0]['key']")
contains "whose key signed is said, and that it proves nothing here" "$output" \
    "signed by ${key:0:16} (you have no key to compare with: nothing here vouches for it)"
equal "for programs too" "$(there verify --jsonl --db "$T/tmp/one.db" | rows "{r['known_key'] for r in rows}")" "{False}"
status_of there verify --db "$T/tmp/one.db" --key "$key"
equal "unless the key is known" "$status$output" "0verified: 1 session, 6 events; signed by ${key:0:16}"
status_of there import "$T/tmp/one.db"
contains "and is taken in" "$output" "1 session imported"
equal "as it was" "$(there log --jsonl)" "$here"
status_of there import "$T/tmp/one.db"
contains "once" "$output" "1 there already"
status_of there verify
equal "that record verifies" "$status" 0
contains "what others signed is said" "$output" "1 of them signed by other keys (-v says which)"
lacks "the rest is yours" "$output" "not your key"
status_of there verify --db "$T/tmp/one.db"
contains "another's key is not yours" "$output" "signed by ${key:0:16} (not your key: nothing here vouches for it)"
status_of there verify @
contains "nor is it here" "$output" "(not your key: nothing here vouches for it)"
chmod 0600 "$T/tmp/one.db"
sql "$T/tmp/one.db" "DELETE FROM head WHERE session = 1"
status_of there import "$T/tmp/one.db"
equal "what was altered is not taken in" "$status" 4

scenario "events for other programs"
record
"$NONO" export --format jsonl >"$T/tmp/all.jsonl"
equal "JSON lines are those of the log" "$(cat "$T/tmp/all.jsonl")" "$("$NONO" log --jsonl)"
equal "hostile names come back" \
    "$(rows "of(kind='request')[0]['resolved_b64']" <"$T/tmp/all.jsonl")" \
    "$(printf %s "$HOSTILE" | base64 -w0)"
"$NONO" export --format csv >"$T/tmp/all.csv"
equal "CSV is that of the log" "$(cat "$T/tmp/all.csv")" "$("$NONO" log --csv)"
"$NONO" export --format otlp >"$T/tmp/all.otlp"
otlp="[x for r in rows for s in r['resourceLogs'][0]['scopeLogs'] for x in s['logRecords']]"
equal "as many log records as events" "$(rows "len($otlp)" <"$T/tmp/all.otlp")" \
    "$(rows "len(rows)" <"$T/tmp/all.jsonl")"
equal "with what happened" "$(rows "sorted({x['eventName'] for x in $otlp})" <"$T/tmp/all.otlp")" \
    "['nono.decision', 'nono.grant', 'nono.request', 'nono.session_end', 'nono.session_start']"
equal "refusals are warnings" "$(rows "[x['severityText'] for x in $otlp
    if {'key': 'nono.verdict', 'value': {'stringValue': 'deny'}} in x['attributes']]" \
    <"$T/tmp/all.otlp")" "['WARN']"

mkfifo "$T/tmp/pipe"
# That it waits shows in nothing but the time: a second is long for one that does not.
status_of timeout 1 "$NONO" export --format jsonl -o "$T/tmp/pipe"
equal "a pipe without a reader is waited for" "$status" 124
timeout 20 cat "$T/tmp/pipe" >"$T/tmp/read" &
timeout 20 "$NONO" export --format jsonl -o "$T/tmp/pipe" >/dev/null
equal "then written to" "$?" 0
wait $!
equal "and read to the end" "$(cat "$T/tmp/read")" "$(cat "$T/tmp/all.jsonl")"

scenario "a checkpoint"
record
at=$T/tmp/at
export_more() { "$NONO" export --format jsonl --checkpoint "$at" -o "$T/tmp/out.jsonl" >/dev/null; }
export_more
equal "everything at first" "$(cat "$T/tmp/out.jsonl")" "$("$NONO" log --jsonl)"
export_more
equal "nothing twice" "$(cat "$T/tmp/out.jsonl")" "$("$NONO" log --jsonl)"
record
echo '{"half a line of an export that was killed' >>"$T/tmp/out.jsonl"
export_more
equal "each event once, whatever happened in between" "$(cat "$T/tmp/out.jsonl")" \
    "$("$NONO" log --jsonl)"
equal "nothing new" "$("$NONO" export --format jsonl --checkpoint "$at")" ""
rm "$at"
for _ in 1 2 3; do
    "$NONO" export --format csv --checkpoint "$at" -o "$T/tmp/out.csv" >/dev/null
    record
done
"$NONO" export --format csv --checkpoint "$at" -o "$T/tmp/out.csv" >/dev/null
equal "CSV has one line of names" "$(cat "$T/tmp/out.csv")" "$("$NONO" log --csv)"
begin=$(wc -c <"$T/tmp/out.csv")
record
"$NONO" export --format csv --checkpoint "$at" -o "$T/tmp/more.csv" >/dev/null
record
"$NONO" export --format csv --checkpoint "$at" -o "$T/tmp/out.csv" >/dev/null
equal "what goes to another file for once is in it" \
    "$("$NONO" log --csv | wc -l)" "$(($(cat "$T/tmp/out.csv" "$T/tmp/more.csv" | wc -l) - 1))"
equal "and nothing is cut off the first" "$("$NONO" log --csv | head -c "$begin")" \
    "$(head -c "$begin" "$T/tmp/out.csv")"
mv "$T/tmp/out.csv" "$T/tmp/out.csv.1"
record
"$NONO" export --format csv --checkpoint "$at" -o "$T/tmp/out.csv" >/dev/null
equal "a file that was moved away is begun anew" "$(head -n 1 "$T/tmp/out.csv")" \
    "$("$NONO" log --csv | head -n 1)"
echo precious >"$T/tmp/theirs"
status_of "$NONO" export --format jsonl --checkpoint "$T/tmp/new" -o "$T/tmp/theirs"
equal "a file that no checkpoint knows is left alone" "$status $(cat "$T/tmp/theirs")" "1 precious"
[ ! -e "$T/tmp/new" ]
equal "and no checkpoint is made" "$?" 0
for own in "$T/tmp/one" "$T/tmp/one.new"; do
    status_of "$NONO" export --format jsonl --checkpoint "$T/tmp/one" -o "$own"
    contains "nor is ${own##*/} both at once" "$status $output" "1 nono export: $own is the checkpoint's own file"
done
"$NONO" export --format jsonl --checkpoint "$T/tmp/one" >/dev/null
status_of "$NONO" export --format jsonl --checkpoint "$T/tmp/one" -o "$T/tmp/one"
contains "nor later" "$status $(cat "$T/tmp/one")" "1 nono-checkpoint 2"
# It writes the first checkpoint and nothing else.
head -c 100 "$T/tmp/all.jsonl" >"$T/tmp/killed.jsonl"
stat -c 'nono-checkpoint 2 0 %d %i' "$T/tmp/killed.jsonl" >"$T/tmp/new"
"$NONO" export --format jsonl --checkpoint "$T/tmp/new" -o "$T/tmp/killed.jsonl" >/dev/null
equal "a first export that was killed begins anew" "$(cat "$T/tmp/killed.jsonl")" \
    "$("$NONO" log --jsonl)"
echo nonsense >"$at"
status_of "$NONO" export --format jsonl --checkpoint "$at"
equal "a file that is none" "$status" 1

scenario "retention"
record
equal "there are counts" "$(sql "$XDG_STATE_HOME/nono/audit.db" "SELECT count(*) > 0 FROM access_count")" 1
status_of "$NONO" prune
equal "what to keep must be said" "$status" 2
status_of "$NONO" prune --keep-days 30
contains "nothing is that old" "$output" "nothing to remove"
status_of "$NONO" prune --keep-days 0 --dry-run
contains "a dry run says it" "$output" "would remove the counts and terminals of 2 sessions"
before=$("$NONO" log --jsonl | rows "len(rows)")
status_of "$NONO" prune --keep-days 0
contains "counts go" "$output" "removed the counts"
equal "decisions stay" "$("$NONO" log --jsonl | rows "len(rows)")" "$before"
status_of "$NONO" prune --keep-days 0 --decisions
contains "until that is asked for" "$output" "removed 2 sessions"
equal "nothing is left" "$("$NONO" log --jsonl 2>/dev/null)" ""
status_of "$NONO" verify
equal "it verifies" "$status" 0
run -- true
status_of "$NONO" verify
equal "and goes on" "$status" 0

scenario "a grant that is remembered"
echo kept >"$T/outside/kept.txt"
run_background --ui attach -- cat "$T/outside/kept.txt"
request=$(wait_request kept.txt)
"$NONO" allow "$request" --always >/dev/null
join_background
equal "allowed" "$output" kept
id=$("$NONO" log --jsonl | rows "rows[0]['session']")
run --ui none --on-ask deny -- cat "$T/outside/kept.txt"
equal "it holds for the next session" "$output" kept
run --profile "$T/e2e/other.json" --ui none --on-ask deny -- cat "$T/outside/kept.txt"
equal "of the same profile" "$status" 1
contains "it is listed" "$("$NONO" grants)" "kept.txt"
"$NONO" prune --keep-days 0 --decisions >"$T/tmp/pruned"
contains "its session is not pruned" "$(cat "$T/tmp/pruned")" "1 session stays"
"$NONO" revoke "$id:1" >/dev/null
equal "revoked" "$?" 0
lacks "it is listed no more" "$("$NONO" grants 2>&1)" "kept.txt"
run --ui none --on-ask deny -- cat "$T/outside/kept.txt"
equal "and holds no more" "$status" 1
status_of "$NONO" revoke "$id:1"
equal "once" "$status" 1
status_of "$NONO" verify
equal "the record verifies" "$status" 0

finish
