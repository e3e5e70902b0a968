#!/usr/bin/env bash
# Pins docker/requirements.in into docker/requirements.txt: every version, and the hashes of all its files.
set -euo pipefail
cd "$(dirname "$0")"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"${PYTHON:-python3}" -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet uv==0.13.9
# --universal: the markers in the file make it right for every Python from the named one on.
pin() {
	local python=$1
	shift
	"$scratch/venv/bin/uv" pip compile --quiet --upgrade --universal --python-version "$python" --generate-hashes --no-annotate --no-header "$@"
}
pin 3.10 --output-file requirements.txt requirements.in
# PyTorch's own dependencies are left out: see requirements.in there.
pin 3.11 --no-deps --output-file pytorch/requirements.txt pytorch/requirements.in
# The server of the test of tracking.
pin 3.10 --output-file mlflow/requirements.txt mlflow/requirements.in
# CAMB with all it needs, for make validate-universe and make transfer-table.
pin 3.10 --output-file camb/requirements.txt camb/requirements.in
