#!/usr/bin/env bash
# venv.sh GROUP DIR: makes a virtual environment with one group of docker/pyproject.toml, in the versions and with the
# hashes of docker/requirements.txt. The package index is the one that uv or, failing that, pip is set up for.
set -euo pipefail
cd "$(dirname "$0")"
group=$1 dir=$PWD/../$2 python=${PYTHON:-python3}
uv=$PWD/../.tools/uv/bin/uv

if [ -z "${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}" ]; then
	index=${PIP_INDEX_URL:-$("$python" -m pip config get global.index-url 2>/dev/null || true)}
	[ -z "$index" ] || export UV_DEFAULT_INDEX=$index
fi
certificates=${PIP_CERT:-$("$python" -m pip config get global.cert 2>/dev/null || true)}
[ -z "$certificates" ] || export SSL_CERT_FILE=${SSL_CERT_FILE:-$certificates}
export UV_PYTHON_DOWNLOADS=never

"$uv" venv --quiet --clear --python "$(command -v "$python")" "$dir"
"$uv" pip install --quiet --python "$dir/bin/python" --only-binary :all: --require-hashes --group "$group" -c requirements.txt
