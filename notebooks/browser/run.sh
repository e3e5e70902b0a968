#!/usr/bin/env bash
# Opens the first notebook in JupyterLab with a real Chromium, runs all cells and looks at what is shown.
# Needs Node 20 and Chromium (CHROMIUM=path); as root on Debian it installs Chromium itself.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD

command -v npm >/dev/null || {
	echo 'browser-test: no npm: install Node 20 or newer' >&2
	exit 1
}
chromium=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || true)}
if [ -z "$chromium" ]; then
	if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
		echo 'browser-test: installing Chromium from Debian'
		{ apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core; } >.tools/log/chromium.log 2>&1 || {
			tail -n 5 .tools/log/chromium.log >&2
			echo 'browser-test: Chromium could not be installed: see .tools/log/chromium.log, or name one with CHROMIUM=…' >&2
			exit 1
		}
		chromium=$(command -v chromium)
	else
		echo 'browser-test: no Chromium: install it (Debian: apt install chromium fonts-dejavu-core), or name one with CHROMIUM=…' >&2
		exit 1
	fi
fi
[ notebooks/browser/node_modules/.package-lock.json -nt notebooks/browser/package-lock.json ] ||
	(cd notebooks/browser && npm ci --silent --no-audit --no-fund)

# A copy of the notebook, so that running it does not change the one in the repository. It lies in the project, because
# the kernel and the packages find .tools from the working directory.
work=$root/.tools/test/browser
rm -rf "$work"
mkdir -p "$work/notebooks"
cp notebooks/*.ipynb "$work/notebooks/"
port=$(.venv/bin/python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
token=$(.venv/bin/python -c 'import secrets; print(secrets.token_hex(24))')
export JUPYTER_CONFIG_DIR=$work/jupyter/config JUPYTER_DATA_DIR=$work/jupyter/data JUPYTER_RUNTIME_DIR=$work/jupyter/runtime
JUPYTER_TOKEN=$token DARKFIELD_PRESET=smoke DARKFIELD_DATA='' DARKFIELD_RUN=$work/run \
	.venv/bin/jupyter lab --no-browser --allow-root --ip=127.0.0.1 --port="$port" --ServerApp.port_retries=0 \
	--ServerApp.root_dir="$work/notebooks" >"$work/lab.log" 2>&1 &
lab=$!
stop() {
	kill "$lab" 2>/dev/null || true
	wait "$lab" 2>/dev/null || true
}
trap stop EXIT
status=0
LAB_URL=http://127.0.0.1:$port LAB_TOKEN=$token CHROMIUM=$chromium SCREENSHOT=$work/lab.png node notebooks/browser/lab.mjs "${NOTEBOOK:-01_universe.ipynb}" || status=$?
[ "$status" = 0 ] || tail -n 20 "$work/lab.log" >&2
exit "$status"
