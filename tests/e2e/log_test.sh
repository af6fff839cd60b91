#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Reading the record: filters, formats, follow, several records, exit statuses.
. "$(dirname "$0")/lib.sh"

log() { "$NONO" log --color never "$@" 2>&1; }
hits() { "$NONO" log --jsonl "$@" | rows "len(rows)"; }

scenario "a session with refusals, grants and an odd name"
odd="$OUT/a"$'\xff\x1b[31m'" b"$'\n'"=x,\"y\""
printf 'odd\n' >"$odd"
printf 'other\n' >"$OUT/other.pem"
export odd
run --name first --on-ask deny -- sh -c 'cat "$odd"; cat '"$SECRET; cat $SECRET; cat $OUT/other.pem"
run --name second --on-ask allow -- cat "$SECRET"
first=$("$NONO" log --jsonl | rows "of(kind='session_start')[0]['session']")

all=$(hits)
equal "--decision" "$(log_rows "len(of(verdict='deny'))")" "$(hits --decision deny)"
equal "all but one" "$(hits --kind decision --decision -deny)" 1
equal "--path, a literal prefix" "$(hits first --path "$OUT" --kind request)" 3
equal "--path, the last component" "$(hits --path '*.pem' --kind request)" 1
equal "--path by comma" "$(hits --path '*.pem,secret.txt' --kind request first)" 2
equal "--path negated" "$(hits --path "-*.pem" --kind request first)" 2
equal "--exe" "$(hits --exe cat --kind request first)" 3
equal "--exe without one" "$(hits --exe '/nowhere/*')" 0
equal "--op" "$(hits --op write)" 0
equal "--op negated" "$(hits --op -write,-exec --kind request first)" 3
equal "--by" "$(hits --by user)" 0
equal "--grep, any case" "$(hits --grep 'other\.PEM' --kind request),$(hits --grep 'other\.pem' --kind request)" 0,1
equal "--grep across spaces" "$(hits --grep 'never started|exit' --kind session_end)" 2
equal "--since the future" "$(hits --since '@4000000000')" 0
equal "--until the future" "$(hits --until '@4000000000')" "$all"
equal "--waited" "$(hits --waited '>1h')" 0
equal "--pid" "$(hits --pid "$("$NONO" log --jsonl --path '*.pem' --kind request | rows "rows[0]['pid']")" --kind request)" 1
equal "--host without sockets" "$(hits --host '*')" 0
equal "-n" "$(hits -n 2)" 2
equal "-r turns the order" "$("$NONO" log --jsonl -r -n 1 | rows "rows[0]['kind']")" session_end
contains "the short log has the count of repeats" "$(log first)" "x2"
lacks "a filtered one has no other lines" "$(log first --path '*.pem' | tail -n +2)" secret.txt

contains "-v has the reason" "$(log -v first)" "Reason     "
lacks "-v shows no control bytes" "$(log -v | tr -d '\n' | LC_ALL=C grep -c '[[:cntrl:]]')" 1
contains "--tree has the process" "$(log --tree first)" "─ cat/"
contains "--tree in ASCII" "$(LC_ALL=C "$NONO" log --tree first)" "\`- cat/"
contains "--stats" "$(log --stats)" "Median think time"
contains "--stats of programs" "$(log --stats --group exe | tail -n 1)" "/cat"
for columns in 42 44 50 60; do
    fits "--stats fits $columns columns" "$(COLUMNS=$columns timeout 10 "$NONO" log --stats | sed 1,6d)" $columns
done
fits "--stats fits the terminal" "$(COLUMNS=60 "$NONO" log --stats)" 60
fits "--stats of a narrow one" "$(COLUMNS=10 timeout 10 "$NONO" log --stats | sed 1,6d)" 41
equal "--stats as JSON" "$("$NONO" log --stats --json | $PYTHON -c 'import json, sys; o = json.load(sys.stdin); print(o["requests"], o["refused"], o["allowed"])')" "4 4 1"

scenario "names survive every format" && export XDG_STATE_HOME=$T/home/state1
export odd
equal "bytes are exact in JSON lines" "$("$NONO" log --jsonl --kind request first | $PYTHON -c '
import base64, json, os, sys
rows = [json.loads(line) for line in sys.stdin]
odd = [r for r in rows if "resolved_b64" in r]
print(len(odd), base64.b64decode(odd[0]["resolved_b64"]) == os.environb[b"odd"])')" "1 True"
equal "--json is one array of the same" "$("$NONO" log --json | $PYTHON -c 'import json, sys; print(len(json.load(sys.stdin)))')" "$all"
equal "--csv has the same rows" "$("$NONO" log --csv | $PYTHON -c '
import csv, sys
sys.stdin.reconfigure(newline="")
rows = list(csv.DictReader(sys.stdin))
print(len(rows), all(None not in r and None not in r.values() for r in rows))')" "$all True"
equal "no cell is a formula" "$("$NONO" log --csv | $PYTHON -c '
import csv, sys
sys.stdin.reconfigure(newline="")
print(any(c[:1] in "=+-@" for r in csv.reader(sys.stdin) for c in r if c))')" False
if can command -v jq; then
    equal "jq reads it" "$("$NONO" log --jsonl | jq -r 'select(.verdict == "allow") | .by // empty' | sort -u)" initial
fi
if can command -v sqlite3; then
    equal "sqlite3 reads the views" "$(sqlite3 -readonly "$XDG_STATE_HOME/nono/audit.db" "SELECT count(*) FROM v_denials")" 3
fi

contains "nono show" "$("$NONO" show -s first 2)" "Asked for  policy_blocked"
equal "nono show --jsonl" "$("$NONO" show "$first:1" --jsonl | rows "[r['kind'] for r in rows]")" "['request', 'decision']"
equal "nono show --event" "$("$NONO" show "$first:1" --event --jsonl | rows "[r['kind'] for r in rows]")" "['session_start']"

status_of() { "$NONO" "$@" >"$T/tmp/answer" 2>&1; echo $?; }
equal "nothing found is no failure" "$(status_of log --op bind)" 0
equal "--exit-code makes it one" "$(status_of log --op bind --exit-code)" 1
equal "something found" "$(status_of log --exit-code)" 0
equal "a wrong word" "$(status_of log --op raed)" 2
contains "names the right ones" "$(cat "$T/tmp/answer")" "read, write"
equal "a wrong time" "$(status_of log --since tomorow)" 2
equal "a wrong length of time" "$(status_of log --waited '>soon')" 2
equal "a wrong pattern" "$(status_of log --grep '(')" 2
equal "a wrong number" "$(status_of log --pid x)" 2
equal "--group alone" "$(status_of log --group exe)" 2
equal "an unreadable record" "$(status_of log --db "$SECRET")" 3
equal "one of two unreadable" "$(status_of log --db "$XDG_STATE_HOME/nono/audit.db" --db "$T/missing")" 3
equal "show: no such request" "$(status_of show 99)" 1
equal "show: no number" "$(status_of show x)" 2

scenario "a record that somebody wrote nonsense into is read without harm"
mkdir -p "$XDG_STATE_HOME/nono"
$PYTHON - "$T/home/state1/nono/audit.db" "$T/tmp/odd.db" <<'END'
import sqlite3, sys
c = sqlite3.connect(sys.argv[2], isolation_level=None)
sqlite3.connect(sys.argv[1]).backup(c)
for (name,) in c.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
    c.execute(f"DROP TRIGGER {name}")
c.execute("UPDATE request SET op = 'evil', why = 'x', risk = '\x1b[31m', access = -1, covered = 99999,"
          " argv = x'41', target = x'00ff', family = 77, port = -5, addr = x'01', pid = -9223372036854775808"
          " WHERE id % 2 = 1")
c.execute("UPDATE decision SET verdict = 'evil', scope = '', waited_ms = -5, count = -1, by = 'me'")
c.execute("UPDATE event SET real_ns = -1 WHERE seq = 2")
c.execute("UPDATE event SET kind = 'evil' WHERE seq = 4")
c.execute("UPDATE session SET argv = x'', boot_id = char(27), wait_status = 99999999")
END
for words in "log" "log -v" "log --jsonl" "log --csv" "log --tree" "log --stats" "log --host x" "log --grep evil" \
    "show 1" "show 2" "replay --plain" "replay --policy default" "report -o -" "profile from-session --generalise"; do
    "$NONO" $words --db "$T/tmp/odd.db" >"$T/tmp/answer" 2>&1
    at_most "nono $words" $? 1
    equal "no control byte in it" "$(tr -d '\n\r' <"$T/tmp/answer" | LC_ALL=C grep -c '[[:cntrl:]]')" 0
done

scenario "the digest of a program that was asked about"
run --exec ask --on-ask allow -- sh -c /bin/true
digest=$(sha256sum /bin/true | cut -c 1-64)
equal "in JSON" "$(log_rows "{r['sha256'] for r in of(op='exec')} == {'$digest'}")" True
equal "in CSV" "$("$NONO" log --csv --op exec --kind request | $PYTHON -c 'import csv, sys; print(list(csv.DictReader(sys.stdin))[0]["sha256"])')" "$digest"
contains "in nono show" "$("$NONO" show 1)" "SHA-256    $digest"

scenario "two records are merged by time"
run --on-ask deny -- cat "$OUT/other.pem"
dbs=(--db "$T/home/state1/nono/audit.db" --db "$XDG_STATE_HOME/nono/audit.db")
equal "all events" "$("$NONO" log "${dbs[@]}" --jsonl | rows "len(rows)")" $((all + $(hits)))
equal "in order of time" "$("$NONO" log "${dbs[@]}" --jsonl | rows "[r['ts'] for r in rows] == sorted(r['ts'] for r in rows)")" True
equal "newest first" "$("$NONO" log "${dbs[@]}" --jsonl -r | rows "[r['ts'] for r in rows] == sorted((r['ts'] for r in rows), reverse=True)")" True
equal "sessions of both" "$("$NONO" log "${dbs[@]}" --jsonl | rows "len({r['session'] for r in rows})")" 3
contains "the tree keeps sessions together" "$("$NONO" log "${dbs[@]}" --tree | grep -c '^[0-9a-f]\{12\}')" 3

scenario "follow"
run_background --name live --ui attach -- sh -c "cat $SECRET; cat $OUT/other.pem"
id=$(wait_request secret.txt)
"$NONO" log -f live --color never >"$T/tmp/follow" 2>&1 &
follower=$!
"$NONO" log -f live --jsonl >"$T/tmp/follow.json" 2>&1 &
poll grep -q "waiting .*secret.txt" "$T/tmp/follow" && pass "what waits is shown" || fail "what waits is shown" "$(cat "$T/tmp/follow")"
"$NONO" allow "$id" >/dev/null
poll grep -q "ASK>allow .*secret.txt" "$T/tmp/follow" && pass "then its answer" || fail "then its answer" "$(cat "$T/tmp/follow")"
id=$(wait_request other.pem)
poll grep -q "waiting .*other.pem" "$T/tmp/follow" && pass "and the next one" || fail "and the next one" "$(cat "$T/tmp/follow")"
"$NONO" deny "$id" >/dev/null
join_background
wait
equal "it ends with the session" "$(grep -c 'ASK>deny .*other.pem' "$T/tmp/follow")" 1
equal "every event once" "$(rows "[r['seq'] for r in rows] == list(range(1, len(rows) + 1))" <"$T/tmp/follow.json")" True
equal "the end too" "$(rows "rows[-1]['kind']" <"$T/tmp/follow.json")" session_end
scenario "follow from before the first session"
"$NONO" log -f --jsonl >"$T/tmp/follow.json" 2>/dev/null &
follower=$!
run --on-ask deny -- cat "$SECRET"
poll grep -q session_end "$T/tmp/follow.json" && pass "the session is shown" || fail "the session is shown"
kill $follower
equal "from its first event on" "$(rows "rows[0]['seq']" <"$T/tmp/follow.json")" 1

scenario "processes and long names"
long=$OUT/a-directory-with-a-long-name/and-another-one-below-it
mkdir -p "$long"
echo x >"$long/file"
run --on-ask deny -- sh -c "sh -c 'cat $SECRET; read x <$SECRET; exec head $long/file'; true"
tree=$(log --tree)
contains "--tree has the processes" "$tree" "cat/"
contains "one that goes on as another program" "$tree" "head/"
equal "each of them once" "$(sed -n 's|.*─ [^ ]*\( [^ ]*\)*/\([0-9]*\)\(  asked.*\)\?$|\2|p' <<<"$tree" | sort | uniq -d)" ""
cp "$(realpath /bin/sh)" "$BIN/, x"
run --name comma --on-ask deny -- "$BIN/, x" -c "read x <$SECRET; exec cat $SECRET"
contains "a program whose name looks like a list" "$(timeout 20 "$NONO" log --tree comma 2>&1)" "─ , x, cat/"
contains "--stats keeps the end of a name" "$(COLUMNS=60 log --stats)" "below-it "

finish
