#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Real programs: the same output and exit status as without nono.
. "$(dirname "$0")/lib.sh"

# Runs a shell line bare and supervised, each in a directory of its own made by the line SETUP, and
# compares both outputs and the status. OPTIONS go to nono run.
setup=:
same() { # NAME LINE [OPTIONS...]
    local name=$1 line=$2 bare bare_status
    shift 2
    rm -rf "$T/work/side"
    mkdir "$T/work/side"
    cd "$T/work/side" && eval "$setup"
    bare=$(bash -c "$line" 2>&1)
    bare_status=$?
    cd "$T/work" && rm -rf side && mkdir side && cd side && eval "$setup"
    run --on-ask deny "$@" -- bash -c "$line"
    cd "$T/work" || exit 1
    equal "$name: status" "$status" "$bare_status"
    if [ "$output" = "$bare" ]; then
        pass "$name: output"
    else
        fail "$name: output" "$(diff <(echo "$bare") <(echo "$output") | head -n 30)"
    fi
}

scenario "shells, pipes and processes"
same "dash pipelines" "dash -c 'for i in \$(seq 200); do echo abc | cat | cat; done' | sort | uniq -c"
same "200 dashes" "for i in \$(seq 200); do dash -c 'echo abc | cat | cat'; done | sort | uniq -c"
same "200 forks" "$BIN/processes forks 200"
same "posix_spawn from 8 threads" "$BIN/processes spawns"
contains "all of them" "$output" "good=200"
same "a FIFO" "mkfifo f; cat f & for i in 1 2 3; do echo \$i; done >f; wait"
same "a FIFO in /tmp" "d=\$(mktemp -d /tmp/x.XXXXXX); mkfifo \$d/f; cat \$d/f & echo through >\$d/f; wait; rm -r \$d"
same "mkdir -p" "mkdir -p a/b/c && mkdir -p a/b/c && mkdir -p /tmp /usr/bin && find a | sort"
same "heredoc and redirections" "cat <<X >o; a
b
X
cat <o >>o2; wc -l o o2; exec 5<>o; read -r l <&5; echo \$l"
same "process substitution" "diff <(seq 5) <(seq 6)"
same "/dev" "echo x >/dev/null; head -c 4 /dev/zero | od -An -tx1; head -c 8 /dev/urandom | wc -c; echo e >/dev/stderr; cat /dev/fd/0 </dev/null"
same "a non-dumpable program" "$BIN/hidden /etc/hostname"
same "sort, awk, sed, tar, gzip" "seq 100000 | sort -R | sort -n | awk '{s += \$1} END {print s}'; mkdir d; seq 9 >d/x; tar czf d.tgz d; rm -r d; tar xzf d.tgz; sed -n 3p d/x"
same "job control in a script" "set -m; sleep 0.05 & wait %1; echo \$?; (exit 3) & wait \$!; echo \$?"
same "find in a tree" "find /usr/share/doc /usr/lib/python3 | sort | md5sum"
same "find /usr" "find /usr | md5sum"

mkfifo "$OUT/fifo"
scenario "what is outside, approved"
run --on-ask allow -- bash -c "cat $OUT/fifo & echo through >$OUT/fifo; wait"
equal "a FIFO outside with both ends supervised" "$output" through
run --on-ask allow -- "$BIN/hidden" "$SECRET"
contains "a non-dumpable program, outside" "$output" "the content"
run --on-ask deny -- "$BIN/hidden" "$SECRET"
lacks "and refused" "$output" "the content"

scenario "git"
need git
# git asks who owns a repository.
git config --global --add safe.directory '*'
GITRC="--read-file $HOME/.gitconfig"
export GIT_AUTHOR_DATE='@0 +0000' GIT_COMMITTER_DATE='@0 +0000'
setup='git init -q repo && cd repo && for i in 1 2 3 4 5; do seq $i >f$i; git add .; git commit -qm "c$i"; done; cd ..'
same "git clone of a local repository" "git clone -q repo copy && git -C copy log --oneline && git -C copy status --short && ls copy" $GITRC
same "git at work" "cd repo; echo more >>f1; git status --short; git diff --stat; git commit -qam more; git log --oneline | wc -l; git gc -q; git fsck" $GITRC
setup=:

scenario "make"
need make
need gcc
setup='for i in $(seq 8); do echo "int f$i(void); int f$i(void) { return $i; }" >f$i.c; done
echo "#include <stdio.h>
int f1(void); int f8(void); int main(void) { printf(\"%d\n\", f1() + f8()); return 0; }" >main.c
printf "prog: f1.o f2.o f3.o f4.o f5.o f6.o f7.o f8.o main.o\n\tgcc -o \$@ \$^\n%%.o: %%.c\n\t@gcc -O1 -c -o \$@ \$<\n" >Makefile'
same "make of a small C project" "make -j1 && ./prog && make"
same "make -j4" "make -s -j4 && ./prog && make -q; echo \$?"
setup=:

scenario "python3"
same "python3" "$PYTHON -c 'import json, sqlite3, subprocess; print(subprocess.run([\"echo\", \"hi\"], capture_output=True).stdout)'"
same "python3 -m venv" "$PYTHON -m venv --without-pip env && env/bin/python -c 'import sys; print(sys.prefix != sys.base_prefix)' && ls env/bin"
same "python3 threads and multiprocessing" "$PYTHON -c '
import concurrent.futures as c, multiprocessing as m
def f(i):
    return len(open(\"/etc/passwd\").read()) > 0
if __name__ == \"__main__\":
    with c.ThreadPoolExecutor(8) as e: print(sum(e.map(f, range(500))))
    with m.get_context(\"fork\").Pool(4) as p: print(sum(p.map(f, range(100))))
'"

if command -v node >/dev/null; then
    scenario "node"
    same "node" "node -e 'const fs = require(\"fs\"); fs.writeFileSync(\"a\", \"x\"); Promise.all([...Array(200)].map(() => fs.promises.readFile(\"a\"))).then((r) => console.log(r.length, require(\"child_process\").execSync(\"echo hi\").toString()))'"
else
    echo "# node is not installed"
fi
if command -v go >/dev/null; then
    scenario "go"
    export GOCACHE=$T/work/gocache GOFLAGS=-mod=mod
    setup='printf "package main\nimport (\"fmt\"; \"os\")\nfunc main() { c := make(chan int); for i := 0; i < 200; i++ { go func() { b, _ := os.ReadFile(\"/etc/passwd\"); c <- len(b) }() }; s := 0; for i := 0; i < 200; i++ { if <-c > 0 { s++ } }; fmt.Println(s) }\n" >m.go'
    same "a Go program" "go build -o m m.go && ./m"
    setup=:
fi

scenario "ripgrep (Rust) and age (Go), over a tree outside"
need rg
mkdir -p "$OUT/tree"/{a,b/.hidden,c/d}
for i in $(seq 100); do
    seq "$i" $((i + 50)) | sed 's/7/needle/' | tee "$OUT/tree/a/$i" "$OUT/tree/c/d/$i.txt" >"$OUT/tree/b/.hidden/$i"
done
printf '*.txt\n' >"$OUT/tree/.ignore"
printf 'needle\0needle\n' >"$OUT/tree/binary"
echo needle >"$OUT/tree/closed"
chmod 000 "$OUT/tree/closed"
ln -s ../a/7 "$OUT/tree/c/link"
same "rg" "rg --sort path needle $OUT/tree" --on-ask allow
same "rg in threads, with what is ignored and hidden" "rg -uuu -j 8 -c needle $OUT/tree | sort" --on-ask allow
same "rg over links, mapped" "rg -L --mmap -l --sort path needle $OUT/tree" --on-ask allow
same "rg finds nothing" "rg neither $OUT/tree" --on-ask allow
rm -f "$OUT/tree/closed"
need age
same "age" "age-keygen -o key 2>/dev/null; age-keygen -o other 2>/dev/null
for f in $OUT/tree/a/*; do age -R <(age-keygen -y key) -o \$f.age \$f && age -d -i key \$f.age || echo bad \$f; done | sha256sum
age -d -i other $OUT/tree/a/7.age; echo \$?; age -d -i key $OUT/tree/none; echo \$?; rm $OUT/tree/a/*.age" --on-ask allow
finish
