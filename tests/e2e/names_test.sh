#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Names that lead elsewhere: magic links, swapped links, nono's own files.
. "$(dirname "$0")/lib.sh"

scenario "/proc/self and links to it mean the task (I8)"
ln -sf /proc/self/environ environ
ln -sf /proc/thread-self/comm comm
ln -sf /proc/self/fd/0 input
run --on-ask deny -- env -i "PATH=$PATH" MARK=of-the-task sh -c 'cat environ; cat comm; echo piped | cat input; echo again | cat /dev/stdin; cat /proc/../proc/self/comm'
contains "its own environment" "$output" "MARK=of-the-task"
contains "its own name" "$output" "cat"
contains "its own pipe" "$output" "piped"
contains "by /dev/stdin too" "$output" "again"
lacks "not the supervisor's" "$output" "NONO_E2E_DIR"
run --on-ask deny -- bash -c 'cat <(echo substituted); exec 7<work.txt; cat /dev/fd/7' 2>&1
contains "process substitution" "$output" "substituted"
run --on-ask deny -- sh -c 'ls /proc/self/fd | tr "\n" " "' 9<"$SECRET"
equal "no descriptor is inherited" "$output" "0 1 2 3 "

scenario "a process names its threads, and no other process's"
cat >comm.py <<'END'
import ctypes, os, threading
libc = ctypes.CDLL(None, use_errno=True)
libc.pthread_setname_np.argtypes = [ctypes.c_ulong, ctypes.c_char_p]
done = threading.Event()
t = threading.Thread(target=done.wait)
t.start()
print(libc.pthread_setname_np(t.ident, b"worker"))
print(open("/proc/self/task/%d/comm" % t.native_id).read().strip())
open("/proc/thread-self/comm", "w").write("first")
print(open("/proc/%d/comm" % os.getpid()).read().strip(), flush=True)
for flags in (os.O_RDWR | os.O_CREAT | os.O_EXCL, os.O_WRONLY | os.O_DIRECTORY, os.O_WRONLY | os.O_CREAT | os.O_TRUNC):
    try:
        os.close(os.open("/proc/self/comm", flags))
        print("opened", flush=True)
    except OSError as e:
        print(e.strerror, flush=True)
if os.fork() == 0:
    for name in ("comm", "task/%d/comm" % t.native_id):
        try:
            open("/proc/%d/%s" % (os.getppid(), name), "r+b", 0).write(b"stolen")
        except OSError as e:
            print(name.split("/")[0], e.strerror, flush=True)
    os._exit(0)
os.wait()
print(open("/proc/self/comm").read().strip())
try:
    open("/proc/self/task/%d/oom_score_adj" % t.native_id, "w")
except OSError as e:
    print(e.strerror)
done.set()
END
run --on-ask deny -- $PYTHON comm.py
equal "as it is said" "$output" "0
worker
first
File exists
Not a directory
opened
comm Permission denied
task Permission denied
first
Permission denied"
equal "and nobody is asked" "$(log_rows "[r['resolved'].split('/', 3)[3].split('/')[0] for r in of(kind='request')]")" \
    "['comm', 'task', 'task']"
bare=$($PYTHON comm.py | head -n 6)
equal "as bare" "$(echo "$output" | head -n 6)" "$bare"

scenario "a link is swapped between showing and approval (I3)"
mkdir -p "$OUT/a" "$OUT/b"
echo "of a" >"$OUT/a/file"
echo "of b" >"$OUT/b/file"
ln -sfn "$OUT/a" middle
run_background --ui attach -- cat middle/file
id=$(wait_request a/file)
ln -sfn "$OUT/b" middle
"$NONO" allow "$id" >/dev/null || fail "nono allow succeeds"
join_background
equal "what was shown is what is opened" "$output" "of a"

scenario "what was to be made appears meanwhile: the call is judged anew, and no restart code is seen"
run_background --ui attach -- sh -c "echo mine >$OUT/new; echo \$?" 2>&1
id=$(wait_request /new)
echo theirs >"$OUT/new"
"$NONO" allow "$id" >/dev/null
again=$(wait_request /new "$id")
"$NONO" deny "$again" >/dev/null
join_background
contains "asked as what it is now" "$output" "Permission denied"
equal "and left alone" "$(cat "$OUT/new")" theirs
run_background --ui attach -- mkdir "$OUT/newdir"
id=$(wait_request /newdir)
mkdir "$OUT/newdir"
"$NONO" allow "$id" >/dev/null
join_background
contains "there already" "$output" "File exists"
run_background --ui attach -- rm -f "$OUT/new"
id=$(wait_request /new)
echo other >"$OUT/other"
mv "$OUT/other" "$OUT/new"
"$NONO" allow "$id" >/dev/null
again=$(wait_request /new "$id")
equal "another file under the name is not removed" "$(cat "$OUT/new")" other
"$NONO" deny "$again" >/dev/null
join_background
contains "refused" "$output" "Permission denied"

scenario "nono's own files can be granted by nobody (I7)"
mkdir -p "$XDG_STATE_HOME/nono"
db=$XDG_STATE_HOME/nono/audit.db
run --on-ask allow -a "$T" -- sh -c "cat $db; echo x >>$db; mv $db $T/work/db; ln $db $T/work/db; rm -f $db; : >$XDG_STATE_HOME/nono/new; ls $T/work"
lacks "not read" "$output" "SQLite"
[ -e "$T/work/db" ] && fail "not moved nor linked" || pass "not moved nor linked"
[ -e "$XDG_STATE_HOME/nono/new" ] && fail "nothing made beside it" || pass "nothing made beside it"
equal "recorded as protected" "$(log_rows "any(r.get('by') == 'protected' for r in rows)")" True
run --on-ask deny -a "$T" -- sh -c "echo made >$T/fresh; cat $T/fresh; echo below >$T/work/fresh; cat $T/work/fresh"
contains "files beside the way are served on behalf" "$output" "made"
contains "and those below by the floor" "$output" "below"

finish
