#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Who asks: the digest of the program that runs, found out before the question and never its cause
# to wait long. With NONO_TEST_LONG=1 more of them ask at once.
. "$(dirname "$0")/lib.sh"

[ "${NONO_TEST_LONG:-0}" = 1 ] && many=500 || many=100
digest() { sha256sum <"$1" | cut -d' ' -f1; }
asks() { # ID: program and digest
    pending_rows "[(r['exe'], r.get('exe_sha256')) for r in of(request=$1)][0]"
}

scenario "a program of the system"
cat_sum=$(digest "$(readlink -f /bin/cat)") sh_sum=$(digest "$(readlink -f /bin/sh)")
run_background --ui attach -- sh -c "cat $SECRET; cat $SECRET"
first=$(wait_request /secret.txt)
contains "it is told" "$(asks "$first")" "'$cat_sum'"
"$NONO" allow "$first" >/dev/null
second=$(wait_request /secret.txt "$first")
contains "the next time as well" "$(asks "$second")" "'$cat_sum'"
"$NONO" allow "$second" >/dev/null
join_background
equal "it reads" "$output" "the content
the content"
equal "the record has it" "$(log_rows "{r.get('exe_sha256') for r in rows if r.get('exe', '').endswith('/cat')}")" "{'$cat_sum'}"
contains "nono show" "$("$NONO" show "$first" --color never)" "SHA-256 $cat_sum"
contains "nono log --csv" "$("$NONO" log --csv --kind request | head -n 2 | tail -n 1)" ",$cat_sum"
contains "nono export" "$("$NONO" export --format otlp)" "$cat_sum"
equal "it verifies" "$("$NONO" verify >/dev/null && echo yes)" yes

scenario "a script"
printf '#!/bin/sh\nread -r line <%s && echo "$line"\n' "$SECRET" >script
chmod +x script
run_background --ui attach -- ./script
id=$(wait_request /secret.txt)
contains "is its interpreter" "$(asks "$id")" "'$sh_sum'"
"$NONO" allow "$id" >/dev/null
join_background

scenario "a program that becomes another one"
cp "$(readlink -f /bin/cat)" program
cp "$(readlink -f /usr/bin/head)" another
old=$(digest program) new=$(digest another)
cat >replace.sh <<END
./program $SECRET & mark=\$!
while [ ! -e go ]; do sleep 0.02; done
mv another program
./program $SECRET &
wait
END
run_background --ui attach -- sh replace.sh
first=$(wait_request /secret.txt)
: >go
second=$(wait_request /secret.txt "$first")
contains "the first one is what it was" "$(asks "$first")" "'$old'"
contains "the second is asked about for itself" "$(asks "$second")" "'$new'"
"$NONO" allow "$first" >/dev/null
"$NONO" allow "$second" >/dev/null
join_background
equal "both read" "$output" "the content
the content"

scenario "one that has lost its name"
cp "$(readlink -f /bin/sh)" program
run_background --ui attach -- ./program -c "rm program; read -r line <$SECRET; echo \$line"
id=$(wait_request /secret.txt)
equal "is known all the same" "$(asks "$id")" "('$PWD/program (deleted)', '$sh_sum')"
"$NONO" allow "$id" >/dev/null
join_background
equal "and goes on" "$output" "the content"

scenario "what has none is asked about all the same"
cp "$(readlink -f /bin/cat)" huge
truncate -s 600M huge
run_background --ui attach -- ./huge "$SECRET"
id=$(wait_request /secret.txt)
equal "too large" "$(asks "$id")" "('$PWD/huge', None)"
"$NONO" allow "$id" >/dev/null
join_background
equal "it reads" "$output" "the content"

scenario "a large one holds nobody up"
cp "$(readlink -f /bin/cat)" large
truncate -s 500M large
cat >large.sh <<END
./large $SECRET &
sleep 0.1
cat $SECRET
wait
END
run_background --ui attach -- sh large.sh
id=$(wait_request /secret.txt)
contains "another one is asked about before" "$(asks "$id")" "'$cat_sum'"
"$NONO" allow "$id" >/dev/null
poll pending_at_least 1
id=$(pending_rows "rows[0]['request']")
contains "it is asked about in the end" "$(asks "$id")" "$PWD/large"
"$NONO" allow "$id" >/dev/null
join_background

# With enough others at it, it takes long.
scenario "a reading that takes long is waited for once"
cp "$(readlink -f "$PYTHON")" slow
truncate -s 500M slow
cat >slow.py <<END
import time
start = time.monotonic()
for i in range(5):
    try: open("$OUT/slow-%d" % i)
    except PermissionError: pass
print("done" if time.monotonic() - start < 7 else time.monotonic() - start)
END
for i in 1 2 3 4 5 6; do
    cp "$(readlink -f /bin/cat)" other$i
    truncate -s 500M other$i
    touch "$OUT/slow-$((i - 1))"
done
run --on-ask deny -- sh -c "for i in 1 2 3 4 5 6; do ./other\$i $SECRET 2>other\$i.err & done
PYTHONHOME=/usr ./slow slow.py; wait"
equal "and not by every question" "$output" "done"

scenario "one that ends meanwhile"
cp "$(readlink -f /bin/cat)" another-large
truncate -s 500M another-large
run_background --ui attach -- bash -c "./another-large $SECRET & sleep 0.3; kill \$!; wait; cat $SECRET"
id=$(wait_request /secret.txt)
contains "only the other one is asked about" "$(asks "$id")" "'$cat_sum'"
"$NONO" allow "$id" >/dev/null
join_background
equal "one question" "$(log_rows "[r['exe'].split('/')[-1] for r in of(kind='request')]")" "['cat']"

scenario "one that handles signals meanwhile"
cp "$(readlink -f "$PYTHON")" large-python
truncate -s 300M large-python
cat >signals.py <<END
import signal
signal.signal(signal.SIGALRM, lambda *a: None)
signal.siginterrupt(signal.SIGALRM, False)
signal.setitimer(signal.ITIMER_REAL, 0.005, 0.005)
print(open("$SECRET").read(), end="")
END
run_background --ui attach -- env PYTHONHOME=/usr ./large-python signals.py
"$NONO" allow "$(wait_request /secret.txt)" >/dev/null
join_background
equal "it reads" "$output" "the content"
equal "and is asked about once" "$(log_rows "len(of(kind='request'))")" 1

scenario "many at once from one program"
mkdir "$OUT/many"
for i in $(seq $many); do echo "$i" >"$OUT/many/$i"; done
cp "$(readlink -f "$PYTHON")" python
cat >many.py <<END
import threading
def ask(i):
    with open("$OUT/many/%d" % i) as f:
        assert f.read() == "%d\n" % i
threads = [threading.Thread(target=ask, args=(i,)) for i in range(1, $many + 1)]
for t in threads: t.start()
for t in threads: t.join()
print("all")
END
run_background --ui attach -- env PYTHONHOME=/usr ./python many.py
poll pending_at_least $many
# More than NONO_ASKER_REQUESTS_MAX are not held.
equal "each of the first has it" "$(pending_rows "(len(rows), {r.get('exe_sha256') for r in sorted(rows, key=lambda r: r['request'])[:100]})")" \
    "($many, {'$(digest python)'})"
for id in $(pending_rows "' '.join(str(r['request']) for r in rows)"); do "$NONO" allow "$id" >/dev/null; done
join_background
equal "all go on" "$output" all
for answer in allow deny; do
    export XDG_STATE_HOME=$T/home/state-$answer
    run --on-ask $answer -- env PYTHONHOME=/usr ./python many.py
    equal "--on-ask $answer: each is answered once" \
        "$(log_rows "(len(of(kind='request')), len(of(kind='decision', by='initial')))")" "($many, $many)"
done
finish
