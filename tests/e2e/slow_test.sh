#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A file system that does not answer holds up nobody but who uses it.
. "$(dirname "$0")/lib.sh"

slow=$T/work/slow
mkdir "$slow"
stop_serving() {
    kill -KILL "$server" && wait "$server" 2>/dev/null
    umount -l "$slow"
}

# A session in which each call is made on a silent file system; each time a granted file must still
# be opened.
silent() { # NAME OPTION...
    local name=$1 call
    shift
    "$BIN/slowfs" mount "$slow" 2>"$T/tmp/server" &
    server=$!
    poll mountpoint -q "$slow" || fail "$name: it is mounted" "$(cat "$T/tmp/server")"
    trap stop_serving EXIT
    rm -rf marks && mkdir marks
    echo granted >granted
    cat >calls.sh <<END
ls -l $slow/dir >/dev/null; cat $slow/dir/file $slow/dir/link $slow/dir/program >/dev/null
stat $slow/none $slow/dir/none >/dev/null 2>&1
: >marks/warm
while [ ! -e marks/silent ]; do sleep 0.02; done
for call in openat2 open create chmod truncate unlink rename mkdir exec connect bind; do
    for file in file link none; do
        $BIN/slowfs \$call $slow/dir/\$file marks/\$call >/dev/null &
        while [ ! -e marks/\$call ]; do sleep 0.01; done
        rm marks/\$call
        cat granted granted granted >/dev/null && echo "went on after \$call \$file"
    done
done
echo all
END
    run_background "$@" -- sh calls.sh
    poll test -e marks/warm && pass "$name: it is known" || fail "$name: it is known" "$(cat "$T/tmp/out")"
    kill -USR1 "$server"
    : >marks/silent
    poll grep -q '^all$' "$T/tmp/out"
    for call in openat2 open create chmod truncate unlink rename mkdir exec connect bind; do
        equal "$name: others go on beside $call" "$(grep -c "went on after $call " "$T/tmp/out")" 3
    done
    # Whoever is refused or decided goes on as well: the clerk is not held up either.
    poll "$NONO" pending && pass "$name: nono pending answers" || fail "$name: nono pending answers"
    stop_serving
    join_background
    trap - EXIT
}

scenario "outside, refused"
silent refused --on-ask deny
scenario "outside, all allowed"
silent allowed --on-ask allow --net allow --unix-sockets allow
scenario "inside"
silent inside --on-ask deny --allow "$slow"
scenario "inside, with something refused in it"
silent carved --on-ask deny --allow "$slow" --deny "$slow/dir/none"

scenario "a client whose multiplexer's socket is said to lie there"
"$BIN/slowfs" mount "$slow" 2>"$T/tmp/server" &
server=$!
poll mountpoint -q "$slow"
trap stop_serving EXIT
kill -USR1 "$server"
$PYTHON -c '
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen(9)
while True:
    s.accept()' "$OUT/live.sock" &
live=$!
poll test -S "$OUT/live.sock"
echo more >"$OUT/more.txt"
run_background --on-ask ui --ui none --unix-sockets allow -- sh -c "cat $SECRET
    $PYTHON -c 'import socket; socket.socket(socket.AF_UNIX).connect(\"$OUT/live.sock\"); print(\"connected\")'
    cat $OUT/more.txt"
id=$(wait_request secret.txt)
env TMUX="$slow/dir/file,1,0" timeout 10 "$NONO" allow "$id" >"$T/tmp/allow" 2>&1
equal "it is answered" "$?" 0
id=$(wait_request more.txt)
env TMUX="$slow/dir/file,1,0" timeout 10 "$NONO" allow "$id" >/dev/null 2>&1
poll grep -q more "$T/tmp/out"
equal "and so is who connects elsewhere" "$(cat "$T/tmp/out")" "the content
connected
more"
kill "$live"
stop_serving
join_background
trap - EXIT

scenario "a program on it asks"
"$BIN/slowfs" mount "$slow" 2>"$T/tmp/server" &
server=$!
poll mountpoint -q "$slow" || fail "it is mounted" "$(cat "$T/tmp/server")"
trap stop_serving EXIT
run_background --ui attach -- "$slow/dir/slowfs" wait "$SECRET" marks/asks
poll test -e marks/asks || fail "it runs" "$(cat "$T/tmp/out")"
kill -USR1 "$server"
rm marks/asks
id=$(wait_request /secret.txt)
equal "is asked about without its digest" "$(pending_rows "[(r['exe'], r.get('exe_sha256')) for r in rows]")" \
    "[('$slow/dir/slowfs', None)]"
"$NONO" allow "$id" >/dev/null
join_background
equal "and goes on" "$output" wait=0
finish
