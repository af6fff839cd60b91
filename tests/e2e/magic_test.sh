#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# /proc/self, /dev/fd, /dev/stdin and every link to them mean the task's own, never the supervisor's
# (I8), whoever the supervisor is and however many symbolic links lead there.
. "$(dirname "$0")/lib.sh"

# What only nono carries in its environment, and what only the command does.
export NONO_MARK=mark-of-the-outside
mkdir "$OUT/links" "$T/work/links"

# Prints for each way what is found there: whose, or the error.
cat >"$BIN/ways.py" <<'PY'
import ctypes, errno, os, stat, sys, threading
secret, links = sys.argv[1:]
pid, tid = os.getpid(), threading.get_native_id()
own = b"only here: " + os.urandom(16)
buffer = ctypes.create_string_buffer(own)
address = ctypes.addressof(buffer)
pair = os.pipe()
os.write(pair[1], b"through the pipe")
regular = os.open("plain", os.O_RDONLY)
path_only = os.open("plain", os.O_PATH)

def show(name, found):
    print(name.replace(str(pid), "PID").replace(str(tid), "TID"), found)

def error(e):
    return errno.errorcode[e.errno]

def read(name):
    fd = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        if name.endswith("mem"):
            return b"own memory" if os.pread(fd, len(own), address) == own else b"another's"
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            return b"directory of " + str(len(os.listdir(fd)) > 0).encode()
        return os.read(fd, 1 << 16)
    finally:
        os.close(fd)

def judge(name):
    try:
        data = read(name)
    except OSError as e:
        return error(e)
    if b"mark-of-the-outside" in data:
        return "THE SUPERVISOR'S"
    if b"MINE=of-the-command" in data:
        return "own environment"
    if name.endswith("maps"):
        return "own" if any(int(l.split(b"-")[0], 16) <= address < int(l.split(b"-")[1].split()[0], 16)
                            for l in data.splitlines()) else "another's"
    if name.endswith("stat"):
        return "own" if data.split()[0] == str(pid).encode() else "another's"
    if name.endswith("status"):
        return "own" if f"\nTgid:\t{pid}\n".encode() in data else "another's"
    if name.endswith("exe"):
        return "own" if data == open("/usr/bin/python3", "rb").read(1 << 16) else "another's"
    if name.endswith("cmdline"):
        return "own" if b"ways.py" in data and b"nono" not in data.split(b"\0")[0] else "another's"
    # An inode's number is another each time.
    return str(data[:40].split(b"mnt_id")[0])

heads = ["/proc/self", "/proc/thread-self", f"/proc/{pid}", f"/proc/{tid}", f"/proc/self/task/{tid}",
         "/proc/../proc/self", "/proc/self/root/proc/self", "/proc/self/cwd/up/proc/self", "self", "deep/self",
         "chain", f"{links}/self", f"{links}/chain"]
tails = ["environ", "mem", "maps", "stat", "status", "exe", "cmdline", "fd/0", f"fd/{pair[0]}",
         f"fd/{regular}", f"fd/{path_only}", "fdinfo/0", "cwd/plain", "cwd", "root/etc/hostname",
         "root" + secret, "fd/777", "ns/mnt", "fd", "../../etc/hostname"]
for head in heads:
    for tail in tails:
        name = f"{head}/{tail}"
        if tail == f"fd/{pair[0]}":
            os.write(pair[1], b"again")
        show(name, judge(name))
for name in ["/dev/stdin", "/dev/fd/0", f"/dev/fd/{pair[0]}", f"/dev/fd/{regular}", "stdin", "environ", "mem",
             "/dev/fd", "/proc/self/fd/../environ", f"{links}/environ", f"{links}/mem", f"{links}/stdin", "/dev/tty"]:
    show(name, judge(name))
# And by calls that change: what a link leads to, not the link's place.
for name in [f"/proc/self/fd/{regular}", f"/dev/fd/{regular}", "regular", "/proc/self/cwd/plain"]:
    if name == "regular":
        os.symlink(f"/proc/self/fd/{regular}", name)
    for call in (lambda: os.chmod(name, 0o640), lambda: os.truncate(name, 5),
                 lambda: os.setxattr(name, "user.x", b"y"), lambda: os.utime(name, (5, 5))):
        try:
            call()
        except OSError as e:
            show(name, error(e))
    st = os.stat("plain")
    show(name, f"{st.st_mode:o} {st.st_size} {st.st_mtime}")
for name in ["/proc/self/environ", "/proc/self/exe", "environ", "/proc/self/fd/0"]:
    for call in (lambda: os.rename(name, "taken"), lambda: os.link(name, "taken", follow_symlinks=False),
                 lambda: os.unlink("taken")):
        try:
            call()
            show(name, "done")
        except OSError as e:
            show(name, error(e))
print("end")
PY
links() { # DIR
    rm -rf "$1"
    mkdir -p "$1/deep"
    ln -s /proc/self "$1/self"
    ln -s ../self "$1/deep/self"
    ln -s deep/self "$1/chain"
    ln -s chain/environ "$1/environ"
    ln -s /proc/../proc/self/mem "$1/mem"
    ln -s /dev/stdin "$1/stdin"
    ln -s / "$1/up"
}
ways() { # COMMAND...
    links "$T/work/links"
    links "$OUT/links"
    cd "$T/work/links" || exit 1
    printf 'plain text' >plain
    output=$(printf 'typed' | "$@" env -u NONO_MARK MINE=of-the-command $PYTHON "$BIN/ways.py" "$SECRET" "$OUT/links" 2>&1)
    cd "$T/work" || exit 1
}

scenario "bare"
ways env
want=$output
equal "all of it ran" "$(tail -n 1 <<<"$want")" end
at_most "some three hundred ways" 250 "$(wc -l <<<"$want")"
contains "an environment is seen" "$want" "/proc/self/environ own environment"
lacks "the command is not marked" "$want" SUPERVISOR

scenario "approved"
ways "$NONO" run -r "$BIN" --on-ask allow --
lacks "nothing of the supervisor's" "$output" "SUPERVISOR"
lacks "nor of another" "$output" "another's"
if [ "$output" = "$want" ]; then pass "as bare"; else fail "as bare" "$(diff <(echo "$want") <(echo "$output") | grep '^[<>]')"; fi

scenario "refused"
ways "$NONO" run -r "$BIN" --on-ask deny --
lacks "nothing of the supervisor's" "$output" "SUPERVISOR"
lacks "nor of another" "$output" "another's"
lacks "nothing of what is outside" "$output" "the content"
others=$(diff <(echo "$want") <(echo "$output") | grep '^>' | grep -v ' EACCES$')
equal "as bare, or EACCES" "$others" ""
scenario "capabilities and denials for /proc/self"
cat >"$BIN/entries.sh" <<'END'
sleep 60 &
for p in self thread-self $! self/task/$$; do
    : >>/proc/$p/oom_score_adj && echo "writes $p"
    cat /proc/$p/environ >/dev/null && echo "reads $p"
done
cat /proc/self/status >/dev/null && echo beside
kill $!
END
run --on-ask deny --write-file /proc/self/oom_score_adj --deny /proc/self/environ -- bash "$BIN/entries.sh"
equal "each process of its own alone, and no environment" "$(grep -v ^nono: <<<"$output" | grep -o '^\(writes\|reads\|beside\).*' | xargs)" \
    "writes self writes thread-self writes self/task/$(grep -o 'task/[0-9]*' <<<"$output" | head -n 1 | cut -d/ -f2) beside"
run --on-ask deny -- bash -c 'echo 1 >/proc/self/coredump_filter'
contains "the way out is no number" "$output" "--write-file /proc/self/coredump_filter"

scenario "the directory of a process that is gone"
cat >"$BIN/gone.py" <<'PY'
import errno, os, signal
pid = os.fork()
if not pid:
    signal.pause()
d = os.open("/proc/%d" % pid, os.O_RDONLY)
os.kill(pid, signal.SIGKILL)
os.waitpid(pid, 0)
for name, call in (("open", lambda: os.open("task/../status", os.O_RDONLY, dir_fd=d)),
                   ("create", lambda: os.open("task/../x", os.O_WRONLY | os.O_CREAT, dir_fd=d)),
                   ("chmod", lambda: os.chmod("task/../status", 0o600, dir_fd=d)),
                   ("unlink", lambda: os.unlink("task/../status", dir_fd=d)),
                   ("rename", lambda: os.rename("task/../a", "task/../b", src_dir_fd=d, dst_dir_fd=d)),
                   ("execve", lambda: os.execve("/dev/fd/%d/task/../exe" % d, ["x"], {}))):
    try:
        call()
    except OSError as e:
        print(name, errno.errorcode[e.errno])
PY
bare=$($PYTHON "$BIN/gone.py")
run_background --on-ask allow -- $PYTHON "$BIN/gone.py"
join_background
equal "every call on it is answered as natively" "$output" "$bare"

finish
