#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What docs say about other tools that read the record and its exports.
. "$(dirname "$0")/lib.sh"
need sqlite3

docs=$(dirname "$0")
scenario "a session with something of everything"
db=$XDG_STATE_HOME/nono/audit.db
odd="$OUT/a"$'\xff\x1b[31m'" b"
echo odd >"$odd"
mkdir -p "$HOME/.ssh" && echo key >"$HOME/.ssh/id_ed25519"
export odd
run --on-ask deny -- sh -c "cat $SECRET; cat \"\$odd\"; cat $HOME/.ssh/id_ed25519"
cat >ask.py <<'END'
import socket, sys
open(sys.argv[1]).close()
for address in ("192.0.2.1", 9), sys.argv[2]:
    s = socket.socket(socket.AF_INET if type(address) is tuple else socket.AF_UNIX)
    try:
        s.connect(address)
    except OSError as e:
        print(e)
END
$PYTHON -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$OUT/service"
run_background --ui attach --net block --unix-sockets block -- $PYTHON ask.py "$SECRET" "$OUT/service"
"$NONO" allow "$(wait_request secret.txt)" --session --note "for the test" >/dev/null
join_background
"$NONO" export @ -o "$T/tmp/one.db" >/dev/null

# query FILE QUERY: how many rows, or what is wrong
query() { sqlite3 -readonly -bail -csv "$1" "$2" 2>&1 | wc -l; }
valid() { sqlite3 -readonly -bail "$1" "$2" >"$T/tmp/answer" 2>&1 && ! grep -q -i '^error\|^parse error' "$T/tmp/answer"; }

scenario "each query of the page is one" && export XDG_STATE_HOME=$T/home/state1
$PYTHON - "$docs/queries.md" "$docs/schema.md" "$T/tmp/queries" <<'END'
import os, re, sys
os.mkdir(sys.argv[3])
queries = re.findall(r"^```sql\n(.*?)^```", open(sys.argv[1]).read(), re.S | re.M)
queries += re.findall(r"^    (SELECT.*?;)$", open(sys.argv[2]).read(), re.S | re.M)
for i, q in enumerate(queries):
    open(f"{sys.argv[3]}/{i:02}", "w").write(q)
END
at_least() { [ "$2" -ge "$3" ] && pass "$1" || fail "$1" "$2, not $3 or more"; }
at_least "there are many" "$(ls "$T/tmp/queries" | wc -l)" 14
for file in "$T/tmp/queries"/*; do
    q=$(cat "$file")
    what=$(head -n 1 "$file" | cut -c 1-60)
    for record in "$db" "$T/tmp/one.db"; do
        valid "$record" "$q" && pass "$what" || fail "$what" "$(cat "$T/tmp/answer")"
    done
    # The words of an argv, all of them.
    case $q in *' AS argv'*) contains "with all words" "$(sqlite3 -readonly -json "$db" "$q")" "'cat' '$HOME/.ssh/id_ed25519'" ;; esac
    # Nobody answered within a second without reading, unless the machine is fast.
    case $q in *'< 1000'*) continue ;; esac
    at_least "finds something" "$(query "$db" "$q")" 1
done

scenario "readers of CSV" && export XDG_STATE_HOME=$T/home/state1
"$NONO" log --csv >"$T/tmp/log.csv"
rows=$("$NONO" log --jsonl | wc -l)
# Every key that any event has; the exact bytes and the number of the schema are JSON's alone.
equal "it has a column for each key" "$("$NONO" log --jsonl | $PYTHON -c '
import csv, json, sys
names = next(csv.reader(open(sys.argv[1], newline="")))
keys = {k for line in sys.stdin for k in json.loads(line) if not k.endswith("_b64")}
print(sorted(keys - set(names)))' "$T/tmp/log.csv")" "['schema']"
if can command -v csvstat; then
    equal "csvkit counts the rows" "$(csvstat --count "$T/tmp/log.csv" 2>&1 | grep -o '[0-9]*$')" "$rows"
    contains "and finds no fault" "$(cd "$T/tmp" && csvclean -n log.csv 2>&1)" "No errors"
    equal "a column of it" "$(csvcut -c kind "$T/tmp/log.csv" | sort -u | grep -c .)" "$("$NONO" log --jsonl | rows "len({r['kind'] for r in rows}) + 1")"
fi
equal "sqlite3 imports it" "$(sqlite3 :memory: -cmd '.mode csv' -cmd ".import $T/tmp/log.csv log" 'SELECT count(*) FROM log' 2>&1)" "$rows"
# Names that are formulas, as a task writes them; words with quotes and commas.
formulas=("=2+2" "+1" "-1" "@x" "＝2+2" "＋1" "－1" "＠x")
touch -- "${formulas[@]/#/$OUT/}"
run --name sheet --on-ask deny -- sh -c 'cd "$1" && shift && for name; do read -r x <"$name"; done' sh "$OUT" "${formulas[@]}" 'a "b", c'
"$NONO" log sheet --csv --kind request >sheet.csv
cells() { # COLUMN
    $PYTHON -c '
import csv, sys
for row in csv.DictReader(open("sheet.csv", newline="")): print(row[sys.argv[1]])' "$1"
}
# The last word is no file; nobody asks about what is not there.
equal "no cell is a formula" "$(cells target)" "$(printf "'%s\n" "${formulas[@]}")"
want="$(cells argv | head -n 1)"
contains "argv is one cell of words" "$want" "'=2+2' +1 -1 @x ＝2+2 ＋1 －1 ＠x 'a \"b\", c'"
equal "what is empty is not quoted" "$(grep -c ',"",' sheet.csv)" 0
if can command -v csvcut; then
    equal "as csvkit reads it" "$(csvcut -c argv sheet.csv | $PYTHON -c 'import csv, sys; print(list(csv.reader(sys.stdin))[1][0])')" "$want"
fi
finish
