#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# style_test.sh SOURCE BUILD - what every file of the repository has in common.
cd "$1" || exit 1
failed=0
shopt -s lastpipe
git() { command git -c safe.directory="$PWD" "$@"; }

complain() { # WHAT, offenders on standard input
    local offenders
    offenders=$(cat)
    if [ -n "$offenders" ]; then
        echo "not ok - $1"
        sed 's/^/    /' <<<"$offenders"
        failed=1
    else
        echo "ok - $1"
    fi
}

# Untracked files count: they are about to be added.
mapfile -t all < <(git ls-files --cached --others --exclude-standard | while read -r f; do
    [ -f "$f" ] && echo "$f"
done)
[ ${#all[@]} -gt 50 ] || { echo "not ok - the list of files"; exit 1; }
pick() { printf '%s\n' "${all[@]}" | grep -E "$1"; }
mapfile -t sources < <(pick '\.(c|h|sh|py)$|^dev$|^\.ci/run$|CMakeLists\.txt$')
mapfile -t code < <(pick '\.[ch]$')
mapfile -t texts < <(pick '\.(c|h|sh|py|md|txt|json|1)$|^dev$|^\.ci/run$')

for f in "${sources[@]}"; do
    head -n 3 "$f" | grep -q 'SPDX-License-Identifier: Apache-2.0' || echo "$f"
done | complain "an SPDX line on top of every source"
for f in "${code[@]}"; do
    lines=$(wc -l <"$f") limit=600
    # Cases of one subject stay together.
    [[ $f == tests/* ]] && limit=1000
    [ "$lines" -le $limit ] || echo "$f: $lines"
done | complain "no file beyond 600 lines (tests: 1000)"
# The pattern is cut so that this file does not find itself.
grep -nE "TO[D]O|FIX[M]E|XX[X]:" "${sources[@]}" | complain "nothing left to be done in a comment"
grep -nE '[[:blank:]]+$' "${texts[@]}" | complain "no blanks at the end of a line"
grep -nP '^\t' "${code[@]}" | complain "no tabs in C"
grep -nE '^.{101,}' "${code[@]}" | complain "no line of C beyond 100 columns"
grep -nE '\<(strcat|sprintf|vsprintf|gets|alloca) *\(' "${code[@]}" |
    complain "no unbounded string functions"
for f in "${all[@]}"; do
    echo "${f%%/*}"
done | sort -u | grep -vxE 'CMakeLists\.txt|CMakePresets\.json|README\.md|LICENSE|dev|src|ui|db|tests|assets|docs|\.(ci|clang-format|clang-tidy|gitignore|gitattributes)' |
    complain "only the top level entries of the design"
for f in dev .ci/run tests/must-run.sh tests/e2e/run.sh tests/e2e/*_test.sh tests/check/*_test.sh; do
    [ -x "$f" ] || echo "$f"
done | complain "scripts are executable"
exit $failed
