"""Weights from PyTorch to a checkpoint and back.

roundtrip.py write FILE.pt                    saves the state dict of a network with random weights
roundtrip.py read FILE.pt FILE.safetensors    loads both with strict=True and compares every weight; exit status 1 on a difference
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from unet import UNet

DIM = 16


def read(path: Path) -> dict[str, torch.Tensor]:
    """Reads safetensors of float32: a length, a header in JSON, the numbers."""
    raw = path.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    out = {}
    for name, entry in json.loads(raw[8 : 8 + length]).items():
        if name != "__metadata__":
            first, last = entry["data_offsets"]
            values = np.frombuffer(raw[8 + length + first : 8 + length + last], dtype="<f4")
            out[name] = torch.from_numpy(values.reshape(entry["shape"]).copy())
    return out


def main() -> int:
    torch.manual_seed(1)
    network = UNet(DIM)
    if sys.argv[1] == "write":
        torch.save(network.state_dict(), sys.argv[2])
        return 0
    before = torch.load(sys.argv[2], weights_only=True)
    after = read(Path(sys.argv[3]))
    network.load_state_dict(after, strict=True)
    changed = [name for name in before if not torch.equal(before[name], after[name])]
    print(f"round trip: {len(before)} tensors loaded with strict=True, {len(changed)} changed {changed[:5]}")
    return bool(changed)


if __name__ == "__main__":
    sys.exit(main())
