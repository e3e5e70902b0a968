#!/usr/bin/env bash
# Names the first thing this machine lacks for `make setup`, in one line with what to do. Installs nothing.
set -uo pipefail
cd "$(dirname "$0")/.."

lacks() {
	printf 'setup: %s\n' "$1" >&2
	exit 1
}

[ "$(uname -sm)" = 'Linux x86_64' ] || lacks "this is $(uname -sm): the XLA plugin and the pinned Python packages are for Linux on x86-64 only"
want=$(awk '$1 == "go" {print $2; exit}' go.mod)
command -v go >/dev/null || lacks "Go is not installed (or not in PATH): install Go $want or newer from go.dev/dl"
have=$(GOTOOLCHAIN=local go env GOVERSION)
have=${have#go}
oldest=$(printf '%s\n%s\n' "$want" "${have%%[!0-9.]*}" | sort -V | head -n 1)
[ "$oldest" = "$want" ] || lacks "Go $have is too old, go.mod asks for Go $want: install Go $want or newer from go.dev/dl"

python=${PYTHON:-python3}
command -v "$python" >/dev/null || lacks "Python ($python) is not installed: install Python 3.10 or newer with venv, or name one with make setup PYTHON=…"
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || lacks "Python ($python) does not start: name another one with make setup PYTHON=…"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || lacks "Python $version ($python) is too old: install Python 3.10 or newer, or name one with make setup PYTHON=…"
"$python" -c 'import venv, ensurepip' 2>/dev/null || lacks "Python $version ($python) has no venv: install it (Debian, Ubuntu: apt install python3-venv), or name another Python with make setup PYTHON=…"

compiler=$(GOTOOLCHAIN=local go env CC)
command -v "${compiler%% *}" >/dev/null || lacks "no C compiler ($compiler) for cgo: install one (Debian, Ubuntu: apt install gcc libc6-dev)"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
printf '#include <stdlib.h>\nint main(void) { return 0; }\n' >"$scratch/a.c"
$compiler -o "$scratch/a" "$scratch/a.c" 2>/dev/null || lacks "the C compiler ($compiler) builds no program: install the C library's headers (Debian, Ubuntu: apt install libc6-dev)"
