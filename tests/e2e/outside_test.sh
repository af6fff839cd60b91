#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Real programs at work in a directory outside every capability, approved: the same output, status and
# files as without nono (I9).
. "$(dirname "$0")/lib.sh"

long=${NONO_TEST_LONG:-0}
SIDE=$OUT/side

# Names, modes, owners, sizes, links, times that were set, contents, attributes.
left() {
    $PYTHON - "$SIDE" <<'PY'
import hashlib, os, stat, sys
for where, dirs, files in os.walk(sys.argv[1]):
    dirs.sort()
    for name in sorted(dirs + files):
        path = os.path.join(where, name)
        st = os.lstat(path)
        kind = stat.S_IFMT(st.st_mode)
        text = os.readlink(path) if kind == stat.S_IFLNK else ""
        if kind == stat.S_IFREG and not (name in ("index", "DIRC") or name.endswith((".pack", ".idx", ".log", ".rev"))):
            text = hashlib.md5(open(path, "rb").read()).hexdigest() if os.access(path, os.R_OK) else "?"
        attributes = [] if kind == stat.S_IFLNK else sorted(os.listxattr(path))
        time = st.st_mtime if st.st_mtime < 1500000000 else "now"
        print(os.path.relpath(path, sys.argv[1]), oct(st.st_mode), st.st_uid, st.st_gid,
              st.st_size if kind == stat.S_IFREG and text else 0, st.st_nlink if kind != stat.S_IFDIR else 0,
              text, attributes, time)
PY
}

same() { # NAME LINE
    local name=$1 line="cd $SIDE && $2" bare bare_status bare_left
    mkdir "$SIDE"
    bare=$(bash -c "$line" 2>&1)
    bare_status=$?
    [ -n "$bare" ] || fail "$name says something"
    bare_left=$(left)
    chmod -R u+rwx "$SIDE" && rm -rf "$SIDE"
    mkdir "$SIDE"
    run --on-ask allow -- bash -c "$line"
    equal "$name: status" "$status" "$bare_status"
    if [ "$output" = "$bare" ]; then pass "$name: output"; else
        fail "$name: output" "$(diff <(echo "$bare") <(echo "$output") | head -n 30)"; fi
    if [ "$(left)" = "$bare_left" ]; then pass "$name: what is left"; else
        fail "$name: what is left" "$(diff <(echo "$bare_left") <(left) | head -n 30)"; fi
    chmod -R u+rwx "$SIDE" && rm -rf "$SIDE"
}

scenario "coreutils"
same "making" 'set -e; mkdir -p a/b/c; mkdir -m 700 p; mkfifo f; mknod g p; echo text >t; printf x | tee u >/dev/null
ln t hard; ln -s t soft; ln -s nowhere dangling; link t third; install -D -m 750 t i/j/k; truncate -s 10 s; dd if=/dev/zero of=z bs=10 count=2 status=none
split -l 1 <(printf "1\n2\n3\n") part.; mktemp -d -p . x.XXXXXX | sed "s/\..*/x/"; rm -r x.*; umask 077; touch private; ls -R'
same "changing" 'echo one >a; echo two >b; mkdir d e; chmod 640 a; chmod -R g+w d; chmod +t e; chmod u+s a; touch -d @1000000000 a d; touch -r a b; chown "$(id -u)" a
mv a d/; mv d/a c; mv -n c b; mv -T e f; cp -a b g; cp -al f h; cp -p c i 2>&1; cp --sparse=always b j; ln -sfn b k; ln -sf c k; touch -h -d @1000000000 k
sort -o b b; sed -i s/two/2/ b; chmod 000 i; cat i 2>&1 | head -c 0; chmod =r b; stat -c "%n %a %F" b c d k'
same "removing" 'mkdir -p a/b/c d; touch a/x d/y z; rmdir d; echo $?; rmdir -p a/b/c; echo $?; rm z; rm z; echo $?; rm -rf a; unlink d; rm -d d; rm -rf d; rm nothing; ls -la | wc -l'
same "wrong" 'touch f; mkdir d; mkdir f; mkdir d; mkdir x/y; mv f d/../f; mv d f; mv f nowhere/; cp f f; ln f d/; ln f d/; ln d e; rmdir f; chmod 644 nothing; truncate -s 1 d; mv d d/d; rm d; cd f; touch f/x; ln -s f d/f; install f d'
same "big files" 'seq 100000 >a; cp a b; cmp a b && cat a b | wc -l; truncate -s 1M b; tail -c 5 a; head -c 100 a >b; wc -c b; gzip -k a; zcat a.gz | md5sum; rm a.gz'

scenario "git"
need git
git config --global --add safe.directory '*'
git config --global gc.auto 0
export GIT_AUTHOR_DATE='@0 +0000' GIT_COMMITTER_DATE='@0 +0000'
same "git" 'git init -q -b main r && cd r && seq 9 >a && git add a && git commit -qm 1 && git checkout -qb side && echo b >b && git add b && git commit -qm 2
git checkout -q main; echo c >>a; git commit -qam 3; git merge -q side -m 4; git mv b d; git stash -q; git stash pop -q; git status --short; git rm -qf d; git tag t; git log --oneline | wc -l; git fsck
git clone -q . ../copy; cd ../copy; git log --oneline | wc -l; git worktree add -q ../tree t; ls ../tree; echo junk >junk; git clean -fq; git gc -q; git status --short; rm -rf .git ../r/.git/index.lock'

scenario "databases and archives"
need sqlite3
same "sqlite3" 'sqlite3 x.db "create table t (a); insert into t values (1), (2); select sum(a) from t"; sqlite3 x.db "pragma journal_mode=wal; insert into t values (3); select count(*) from t"
sqlite3 x.db "attach \"y.db\" as y; create table y.u as select * from t; vacuum; select count(*) from y.u"; sqlite3 x.db .dump | md5sum; rm -f x.db y.db; ls'
same "tar" 'mkdir -p d/e; echo x >d/x; ln d/x d/y; ln -s x d/z; mkfifo d/f; chmod 600 d/x; touch -d @1000000000 d/x d/e d; setfattr -n user.a -v b d/x 2>/dev/null
tar cf t.tar d && rm -rf d && tar xpf t.tar && tar tvf t.tar | wc -l; mkdir o; tar xf t.tar -C o; tar czf t.tgz d; tar xzf t.tgz --overwrite; tar rf t.tar o; rm t.tar t.tgz; ls -R'
need rsync
same "rsync" 'mkdir -p s/d; seq 100 >s/a; seq 9 >s/d/b; ln s/a s/c; ln -s a s/l; chmod 640 s/a; touch -d @1000000000 s/a s/d/b; rsync -aH s/ t/; echo more >>s/a; touch -d @1000000001 s/a; rm s/c
rsync -aH --delete s/ t/; rsync -a --link-dest=../t s/ u/; rsync -a --inplace --no-whole-file s/ t/; ls t u; rsync -a nothing/ v/ 2>&1 | sed "s/ *\[.*//"'

scenario "languages"
need perl
same "perl" "perl -MFile::Path=make_path,remove_tree -MFile::Copy=copy,move -e '
make_path(\"a/b/c\", {mode => 0711}); open(F, \">\", \"a/x\") or die; print F \"text\\n\"; close F; chmod 0640, \"a/x\"; utime 5, 5, \"a/x\";
copy(\"a/x\", \"y\"); move(\"y\", \"a/z\"); symlink \"z\", \"a/l\"; link \"a/x\", \"a/h\"; rename \"a/h\", \"h\"; print -s \"h\", \" \", (stat \"a/x\")[9], \"\\n\";
truncate \"h\", 2; unlink \"a/l\"; print rmdir(\"a\") ? \"gone\" : \$!, \"\\n\"; open(F, \"<\", \"missing\") or print \$!, \"\\n\"; mkdir \"a\" or print \$!, \"\\n\"; remove_tree(\"a/b\")'; seq 5 >n; perl -pi.old -e 's/3/three/' n; cat n"
same "python3" "$PYTHON -c '
import os, pathlib, shutil, sqlite3, tempfile, zipfile
p = pathlib.Path(\".\").absolute()
(p / \"a\" / \"b\").mkdir(parents=True); (p / \"a\" / \"f\").write_text(\"text\"); shutil.copytree(\"a\", \"c\"); shutil.move(\"c/f\", \"g\"); os.utime(\"g\", (5, 5))
os.setxattr(\"g\", \"user.k\", b\"v\"); shutil.copystat(\"g\", \"a/f\"); os.replace(\"a/f\", \"h\"); os.symlink(\"h\", \"l\"); os.link(\"h\", \"m\"); os.chmod(\"m\", 0o400); os.removedirs(\"c/b\")
with tempfile.TemporaryDirectory(dir=\".\") as t: open(os.path.join(t, \"x\"), \"w\").close()
with tempfile.TemporaryFile(dir=\".\") as t: t.write(b\"x\"); t.flush(); print(os.fstat(t.fileno()).st_nlink)
with tempfile.NamedTemporaryFile(dir=\".\") as t: print(os.path.exists(t.name))
with zipfile.ZipFile(\"z.zip\", \"w\") as z: z.writestr(\"in\", \"side\")
shutil.unpack_archive(\"z.zip\", \"u\"); os.remove(\"z.zip\"); fd = os.open(\".\", os.O_TMPFILE | os.O_RDWR, 0o600); os.write(fd, b\"late\"); os.link(f\"/proc/self/fd/{fd}\", \"named\", src_dir_fd=os.open(\".\", os.O_PATH))
for f in (lambda: os.mkdir(\"u\"), lambda: os.rmdir(\"u\"), lambda: os.unlink(\"u\"), lambda: os.rename(\"u\", \"u/v\"), lambda: os.truncate(\"u\", 1)):
    try: f()
    except OSError as e: print(e)
shutil.rmtree(\"u\"); print(sorted(os.listdir()))'"

if [ "$long" = 1 ]; then
    scenario "cmake and make"
    need cmake
    need make
    same "cmake" 'mkdir s b; echo "int f(void); int main(void) { return f(); }" >s/m.c; echo "int f(void); int f(void) { return 7; }" >s/f.c
printf "cmake_minimum_required(VERSION 3.10)\nproject(x C)\nadd_library(f STATIC f.c)\nadd_executable(m m.c)\ntarget_link_libraries(m f)\ninstall(TARGETS m DESTINATION bin)\n" >s/CMakeLists.txt
cmake -S s -B b | grep -v "^-- .*done$"; make -s -C b; b/m; echo $?; touch s/f.c; make -s -C b; cmake --install b --prefix "$PWD/i" | tail -n 1; find i; rm -rf b i'
fi
finish
