#!/usr/bin/env bash
# Opens every notebook in JupyterLab with a real Chromium, runs all cells and looks at what is shown; moves sliders,
# interrupts a training and goes on with it. Needs Node 20 and Chromium (CHROMIUM=path); in CI, as root on Debian, it
# installs Chromium itself. NOTEBOOKS="01_universe.ipynb …" chooses; RUN=dir is a run directory that others have filled.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD

command -v npm >/dev/null || {
	echo 'browser-test: no npm: install Node 20 or newer' >&2
	exit 1
}
chromium=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || true)}
if [ -z "$chromium" ]; then
	if [ "${CI:-}" = true ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
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

# Copies of the notebooks, so that running them does not change those in the repository. They lie in the project, because
# the kernel and the packages find .tools from the working directory.
work=$root/.tools/test/browser
rm -rf "$work"
mkdir -p "$work/notebooks" "$work/pictures" "$work/settings/@jupyterlab/notebook-extension"
cp notebooks/*.ipynb "$work/notebooks/"
# All cells are in the page, also those off the screen.
echo '{"windowingMode": "none"}' >"$work/settings/@jupyterlab/notebook-extension/tracker.jupyterlab-settings"
port=$(.venv/bin/python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
token=$(.venv/bin/python -c 'import secrets; print(secrets.token_hex(24))')
export JUPYTER_CONFIG_DIR=$work/jupyter/config JUPYTER_DATA_DIR=$work/jupyter/data JUPYTER_RUNTIME_DIR=$work/jupyter/runtime
export JUPYTERLAB_SETTINGS_DIR=$work/settings
run=${RUN:-$work/run}
rm -rf "$run/own" # the training that is to be interrupted
JUPYTER_TOKEN=$token DARKFIELD_PRESET=smoke DARKFIELD_DATA='' DARKFIELD_RUN=$run \
	.venv/bin/jupyter lab --no-browser --allow-root --ip=127.0.0.1 --port="$port" --ServerApp.port_retries=0 \
	--ServerApp.root_dir="$work" >"$work/lab.log" 2>&1 &
lab=$!
stop() {
	kill "$lab" 2>/dev/null || true
	wait "$lab" 2>/dev/null || true
}
trap stop EXIT
status=0
# shellcheck disable=SC2046,SC2086 # a word each
LAB_URL=http://127.0.0.1:$port LAB_TOKEN=$token CHROMIUM=$chromium SCREENSHOTS=$work/pictures \
	node notebooks/browser/lab.mjs $([ -n "${NOTEBOOKS:-}" ] || echo --training) \
	${NOTEBOOKS:-$(cd notebooks && ls ./*.ipynb | sed 's#^./##')} || status=$?
[ "$status" = 0 ] || tail -n 20 "$work/lab.log" >&2
exit "$status"
