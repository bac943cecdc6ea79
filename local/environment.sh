#!/bin/sh
# Makes .venv with what a target needs and nothing more: `sh local/environment.sh requirements.txt`.
# Quick when nothing changed; every trouble ends in one line that says how to mend it.
set -eu

requirements=$1
venv=.venv
stamp=$venv/.installed-$(echo "$requirements" | tr '/' '-')
log=$venv/install.log

fail() {
    printf '\n  %s\n\n' "$1" >&2
    exit 1
}

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.14}; do
        if new_enough "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    fail "Python 3.11 or newer is needed: install it, or name it as \`make run PYTHON=/path/to/python3.11\`"
}

if [ -d "$venv" ] && ! new_enough "$venv/bin/python"; then
    echo "  $venv no longer has a working Python: making it again"
    rm -rf "$venv"
fi

if [ ! -d "$venv" ]; then
    python=$(find_python)
    if ! "$python" -m venv "$venv" >/dev/null 2>&1; then
        rm -rf "$venv"
        fail "$python has no venv module: install it (Debian, Ubuntu: \`apt install python3-venv\`), then again"
    fi
fi

# A requirements file may include others: all of them count.
sum=$(cat requirements.txt requirements-dev.txt local/requirements.txt | cksum)
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$sum" ]; then
    exit 0
fi

printf '  installing %s into %s ' "$requirements" "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$requirements" >"$log" 2>&1 &
pip=$!
trap 'kill "$pip" 2>/dev/null || true' INT TERM
while kill -0 "$pip" 2>/dev/null; do
    printf '.'
    sleep 2
done
if ! wait "$pip"; then
    echo
    tail -n 5 "$log" >&2
    fail "The packages could not be installed: see above and $log; is the package index reachable?"
fi
echo " done"
echo "$sum" >"$stamp"
