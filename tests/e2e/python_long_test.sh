#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Python's own regression tests, bare and supervised, at work outside every capability: the same ones
# pass (I9).
. "$(dirname "$0")/lib.sh"

modules="test_os test_posix test_subprocess test_shutil test_pathlib test_tempfile test_socket test_asyncio"
$PYTHON -c 'import test.test_os' 2>/dev/null || { echo "needs libpython3.11-testsuite"; exit 77; }
PATIENCE=900

# Each test with its result, but for those that have no name of their own.
results() { # XML
    $PYTHON - "$1" <<'PY'
import sys, xml.etree.ElementTree as tree
for case in tree.parse(sys.argv[1]).iter("testcase"):
    bad = [child.tag for child in case if child.tag in ("failure", "error")]
    skipped = [child.tag for child in case if child.tag == "skipped"]
    print(case.get("name"), (bad + skipped + ["passed"])[0])
PY
}

# Side by side: they sleep most of the time. A bare run would wait for a machine that is not there in
# what is about VSOCK; supervised there are no such sockets.
all() { # WHERE COMMAND...
    local where=$1 module
    shift
    mkdir "$OUT/$where"
    for module in $modules; do
        mkdir "$OUT/$where/$module"
        TMPDIR=$OUT/$where/$module timeout -s KILL "$PATIENCE" "$@" $PYTHON -m test --tempdir "$OUT/$where/$module" \
            --junit-xml "$OUT/$where/$module.xml" --ignore '*VSOCK*' "$module" >"$OUT/$where/$module.log" 2>&1 </dev/null &
    done
    wait
}

scenario "bare, and approved"
# As much power as nono leaves to a command of root's.
bare=(env)
[ "$(id -u)" != 0 ] || bare=(setpriv --bounding-set -all,+chown,+dac_override,+fowner,+fsetid)
all bare "${bare[@]}"
all supervised "$NONO" run --on-ask allow --
for module in $modules; do
    want=$(results "$OUT/bare/$module.xml" | sort)
    got=$(results "$OUT/supervised/$module.xml" | sort)
    passed=$(grep -c " passed$" <<<"$got")
    equal "$module: $passed of $(wc -l <<<"$want") pass" "$([ "$passed" -ge 20 ] && echo many)" many
    if [ "$got" = "$want" ]; then
        pass "$module: the same"
    else
        fail "$module: the same" "$(diff <(echo "$want") <(echo "$got") | grep '^[<>]')" "$(grep -aE '^[A-Za-z]*Error' "$OUT/supervised/$module.log" | sort | uniq -c | sort -rn | head -n 20)"
    fi
done
finish
