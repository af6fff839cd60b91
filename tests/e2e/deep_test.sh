#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Files so deep that the kernel tells no path of them, reached by descriptors of directories.
. "$(dirname "$0")/lib.sh"

cat >"$BIN/deep.py" <<'END'
import os, stat, sys

def tried(what, call):
    try:
        result = call()
        print(what, result if isinstance(result, str) else "done")
    except OSError as e:
        print(what, e.strerror)

os.mkdir(sys.argv[1])
at = os.open(sys.argv[1], os.O_RDONLY)
for i in range(30):
    name = chr(ord("a") + i % 3) * 200
    os.mkdir(name, dir_fd=at)
    below = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=at)
    os.close(at)
    at = below
file = os.open("file", os.O_CREAT | os.O_RDWR, 0o600, dir_fd=at)
only = os.open("unreadable", os.O_CREAT | os.O_WRONLY, 0o600, dir_fd=at)
tried("fchmod", lambda: os.fchmod(file, 0o640))
tried("futimens", lambda: os.utime(file, (1, 2)))
tried("fsetxattr", lambda: os.setxattr(file, "user.a", b"x"))
tried("fchown", lambda: os.fchown(file, -1, os.getgid()))
tried("fchmod of a directory", lambda: os.fchmod(at, 0o700))
tried("fchmodat", lambda: os.chmod("file", 0o604, dir_fd=at))
tried("utimensat", lambda: os.utime("file", (3, 4), dir_fd=at))
tried("symlinkat", lambda: os.symlink("nowhere", "link", dir_fd=at))
tried("of the link", lambda: os.utime("link", (3, 4), dir_fd=at, follow_symlinks=False))
tried("renameat", lambda: os.rename("file", "second", src_dir_fd=at, dst_dir_fd=at))
tried("linkat", lambda: os.link("second", "third", src_dir_fd=at, dst_dir_fd=at))
tried("mknodat", lambda: os.mkfifo("fifo", dir_fd=at))
tried("unlinkat", lambda: os.unlink("second", dir_fd=at))
tried("mkdirat", lambda: os.mkdir("directory", dir_fd=at))
tried("of a directory", lambda: os.rename("directory", "moved", src_dir_fd=at, dst_dir_fd=at))
tried("rmdir", lambda: os.rmdir("moved", dir_fd=at))
tried("what is not there", lambda: os.open("missing", os.O_RDONLY, dir_fd=at))
tried("is a directory", lambda: os.open(".", os.O_RDWR, dir_fd=at))
tried("openat", lambda: os.open("third", os.O_RDWR, dir_fd=at))
st = os.stat("third", dir_fd=at)
print(oct(stat.S_IMODE(st.st_mode)), st.st_mtime, os.getxattr(file, "user.a"), sorted(os.listdir(at)))
tried("denied", lambda: os.open(".denied", os.O_RDWR | os.O_CREAT, dir_fd=at))
tried("moved", lambda: os.rename("third", ".denied", src_dir_fd=at, dst_dir_fd=at))
END

# The tree is in the current directory, inside.
deep() { # OPTIONS
    run --on-ask deny $1 -- "$PYTHON" "$BIN/deep.py" tree
}

scenario "as bare"
want=$("$PYTHON" "$BIN/deep.py" tree)
rm -rf tree
contains "bare" "$want" "openat done"
for options in "" "--deny $PWD/refused" "--deny $PWD/beside/*/refused"; do
    deep "$options"
    equal "every call${options:+ ($options)}" "$output" "$want"
    run --on-ask deny $options -- rm -rf tree
    equal "and it is removed${options:+ ($options)}" "$output $(ls -d tree 2>&1)" \
        " ls: cannot access 'tree': No such file or directory"
done

scenario "what is denied by its name at any depth"
deep "--deny $PWD/**/.denied"
differ=$(diff <(printf '%s\n' "$want") <(printf '%s\n' "$output"))
equal "is refused, and a directory that may hold it is not moved" "$(grep '^[<>-]' <<<"$differ")" \
    "< of a directory done
< rmdir done
---
> of a directory Permission denied
> rmdir No such file or directory
< 0o604 4.0 b'x' ['fifo', 'link', 'third', 'unreadable']
< denied done
< moved done
---
> 0o604 4.0 b'x' ['directory', 'fifo', 'link', 'third', 'unreadable']
> denied Permission denied
> moved Permission denied"
run --on-ask deny --deny "$PWD/**/.denied" -- tar -cf tree.tar tree
equal "the rest is packed" "$output" ""
run --on-ask deny --deny "$PWD/**/.denied" -- rm -rf tree
equal "the rest is removed" "$output $(ls -d tree 2>&1)" \
    " ls: cannot access 'tree': No such file or directory"
"$PYTHON" "$BIN/deep.py" tree >/dev/null
run --on-ask deny --deny "$PWD/**/b*/c*" -- rm -rf tree
contains "a directory in between counts" "$output" "Permission denied"
rm -rf tree

scenario "what is not allowed"
cd "$OUT" && "$PYTHON" "$BIN/deep.py" tree >/dev/null && cd - >/dev/null
cat >"$BIN/reach.py" <<'END'
import os, sys
at = os.open(sys.argv[1], os.O_PATH)
for i in range(30):
    below = os.open(chr(ord("a") + i % 3) * 200, os.O_PATH, dir_fd=at)
    os.close(at)
    at = below
for call in (lambda: os.open(".denied", os.O_RDONLY, dir_fd=at), lambda: os.unlink(".denied", dir_fd=at),
             lambda: os.chmod(".denied", 0o600, dir_fd=at), lambda: os.mkdir("new", dir_fd=at)):
    try:
        call()
        print("done")
    except OSError as e:
        print(type(e).__name__)
END
run --on-ask allow -- "$PYTHON" "$BIN/reach.py" "$OUT/tree"
equal "is refused: nobody could be shown what it is" "$output" "PermissionError
PermissionError
OSError
PermissionError"

scenario "what would be asked about inside"
"$PYTHON" "$BIN/deep.py" tree >/dev/null
mkdir given
cat >"$BIN/shared.py" <<'END'
import os
at = os.open("tree", os.O_PATH)
for i in range(30):
    below = os.open(chr(ord("a") + i % 3) * 200, os.O_PATH, dir_fd=at)
    os.close(at)
    at = below
def tried(what, call):
    try:
        call()
        print(what, "done")
    except OSError as e:
        print(what, e.strerror)
os.mkdir("sticky", dir_fd=at)
tried("sticky", lambda: os.chmod("sticky", 0o1700, dir_fd=at))
tried("again", lambda: os.chmod("sticky", 0o1777, dir_fd=at))
tried("gains", lambda: os.link(".denied", "given/third", src_dir_fd=at))
END
run --on-ask allow -w "$PWD/tree" -a "$PWD/given" --workdir-access none -- "$PYTHON" "$BIN/shared.py"
equal "is refused: its path stands for all that lie there" "$output" "sticky done
again Permission denied
gains Permission denied"
equal "and nobody is asked" "$(log_rows "[(r['op'], r['resolved'][-8:], r['by'], r['count']) for r in of(kind='decision')]")" \
    "[('meta', 'bbbb/...', 'floor', 1), ('link', 'bbbb/...', 'floor', 1)]"
finish
