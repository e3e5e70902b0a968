#!/usr/bin/env bash
# Compares PyTorch with the golden numbers, and darkfield with reference files that PyTorch writes. The last line is the count.
set -uo pipefail
cd "$(dirname "$0")/../../.."

python=.tools/venv/pytorch/bin/python
compared=0 missed=()

# count NAME STATUS
count() {
	compared=$((compared + 1))
	[ "$2" = 0 ] || missed+=("$1")
}

golden=../shared/golden/reference_dim8_side32.npz
if [ -f "$golden" ]; then
	echo '== PyTorch and the golden file'
	"$python" pkg/verify/pytorch/check.py "$golden"
	count golden $?
else
	echo '== PyTorch and the golden file: skipped, ../shared is not there'
fi

echo '== linear attention in our order'
"$python" pkg/verify/pytorch/reordered.py
count 'reordered attention' $?

# Width and side: small, the paper's at the first side it trains at, and one of another side.
for size in '16 64' '64 64' '32 32'; do
	read -r dim side <<<"$size"
	echo "== darkfield and PyTorch: dim $dim, ${side}²"
	file=.tools/pytorch/dim${dim}_side$side.npz
	"$python" pkg/verify/pytorch/reference.py --dim "$dim" --side "$side" --seed 1 "$file" && .tools/bin/darkfield dev verify "$file"
	count "dim $dim at ${side}²" $?
done

echo '== weights from PyTorch to a checkpoint and back'
weights=.tools/pytorch/weights
"$python" pkg/verify/pytorch/roundtrip.py write "$weights.pt" &&
	.tools/bin/darkfield import "$weights.pt" "$weights.checkpoint.safetensors" &&
	.tools/bin/darkfield export "$weights.checkpoint.safetensors" "$weights.back.safetensors" &&
	"$python" pkg/verify/pytorch/roundtrip.py read "$weights.pt" "$weights.back.safetensors"
count 'round trip' $?

if [ ${#missed[@]} -gt 0 ]; then
	printf 'pytorch-check: %d of %d comparisons miss: %s\n' ${#missed[@]} "$compared" "$(printf '%s, ' "${missed[@]}" | sed 's/, $//')"
	exit 1
fi
echo "pytorch-check: all $compared comparisons pass"
