#!/usr/bin/env bash
# unpack.sh OUT: unpacks the Quijote maps of ../shared into OUT as CMD files with their description. Does nothing when they
# are there.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=$1
pack=../shared/data/quijote
[ -f "$out/dataset.yaml" ] && [ "$out/dataset.yaml" -nt data/quijote/dataset.yaml ] && {
	echo "quijote: $out is ready"
	exit 0
}
[ -f "$pack/unpack.py" ] || {
	echo "quijote: $pack/unpack.py is not there: the Quijote pack is not part of this repository; put it beside the checkout" >&2
	exit 1
}
rm -rf "$out.new"
mkdir -p "$(dirname "$out")"
.venv/bin/python -B "$pack/unpack.py" "$out.new" >/dev/null
cp data/quijote/dataset.yaml "$out.new/"
rm -rf "$out"
mv "$out.new" "$out"
echo "quijote: unpacked into $out; try make reproduce DATA=$out"
