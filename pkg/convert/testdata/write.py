"""Writes the fixtures of this folder with PyTorch itself: python write.py.

Provenance: written on 2026-11-25 with PyTorch 2.15.0 (CPU), numpy 2.4.6 and safetensors 0.8.0. The modules only name and shape the tensors of the
published network (width 8, multipliers 1 and 2); the values are random multiples of 1/8, so that the files compress.
`python write.py check FILE` loads an exported .safetensors file into those modules with strict=True.
"""
import collections
import gzip
import io
import json
import struct
import sys

import numpy as np
import safetensors.torch
import torch
from torch import nn

DIM, MULTIPLIERS, THETAS = 8, (1, 2), 2


class Block(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.proj, self.norm = nn.Conv2d(cin, cout, 3, padding=1), nn.GroupNorm(8, cout)


class Resnet(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.mlp = nn.Sequential(nn.SiLU(), nn.Linear(4 * DIM, cout))
        self.cond_mlp = nn.Sequential(nn.SiLU(), nn.Linear(THETAS, cout))
        self.block1, self.block2 = Block(cin, cout), Block(cout, cout)
        self.res_conv = nn.Conv2d(cin, cout, 1) if cin != cout else nn.Identity()


class Attention(nn.Module):
    def __init__(self, width, linear):
        super().__init__()
        self.to_qkv = nn.Conv2d(width, 384, 1, bias=False)
        out = nn.Conv2d(128, width, 1)
        self.to_out = nn.Sequential(out, nn.GroupNorm(1, width)) if linear else out


class PreNorm(nn.Module):
    def __init__(self, width, linear):
        super().__init__()
        self.fn, self.norm = Attention(width, linear), nn.GroupNorm(1, width)


class Residual(nn.Module):
    def __init__(self, width, linear):
        super().__init__()
        self.fn = PreNorm(width, linear)


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        widths = [DIM * m for m in MULTIPLIERS]
        self.conditional_embedding = nn.Sequential(nn.Linear(THETAS, 10), nn.GELU(), nn.Linear(10, 4 * DIM))
        self.time_mlp = nn.Sequential(nn.Identity(), nn.Linear(DIM, 4 * DIM), nn.GELU(), nn.Linear(4 * DIM, 4 * DIM))
        self.downs, self.ups = nn.ModuleList(), nn.ModuleList()
        for i, (cin, cout) in enumerate(zip([1] + widths, widths)):
            down = nn.Conv2d(cout, cout, 4, 2, 1) if i < len(widths) - 1 else nn.Identity()
            self.downs.append(nn.ModuleList([Resnet(cin, cout), Resnet(cout, cout), Residual(cout, True), down]))
        for cout, cin in reversed(list(zip(widths, widths[1:]))):
            up = nn.ConvTranspose2d(cout, cout, 4, 2, 1)
            self.ups.append(nn.ModuleList([Resnet(2 * cin, cout), Resnet(cout, cout), Residual(cout, True), up]))
        self.mid_block1, self.mid_attn = Resnet(widths[-1], widths[-1]), Residual(widths[-1], False)
        self.mid_block2 = Resnet(widths[-1], widths[-1])
        self.final_conv = nn.Sequential(Resnet(DIM, DIM), nn.Conv2d(DIM, 1, 1))


def network(seed):
    torch.manual_seed(seed)
    n = Network()
    with torch.no_grad():
        for p in n.parameters():
            p.copy_(torch.randint(-4, 5, p.shape) / 8)
    return n


def read_safetensors(raw):
    size = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8:8 + size])
    header.pop("__metadata__", None)
    return {k: torch.frombuffer(bytearray(raw[8 + size:][slice(*v["data_offsets"])]), dtype=torch.float32).reshape(v["shape"])
            for k, v in header.items()}


def pack(name, write):
    raw = io.BytesIO()
    write(raw)
    with open(name + ".gz", "wb") as f, gzip.GzipFile("", "wb", 9, f, 0) as z:
        z.write(raw.getvalue())


def main():
    raw, average = network(1), network(2)
    state = raw.state_dict()
    # What Adam's state_dict holds, for two of its parameters.
    moments = {i: {"step": torch.tensor(9.0), "exp_avg": torch.zeros(10), "exp_avg_sq": torch.ones(10)} for i in range(2)}
    optimiser = {"state": moments, "param_groups": [{"lr": 2e-4, "betas": (0.9, 0.999), "amsgrad": False, "params": [0, 1]}]}
    ema = {"module." + k: v.to(torch.bfloat16) for k, v in average.state_dict().items()}
    ema["n_averaged"] = torch.tensor(7)
    training = {"epoch": 3, "step": 1234, "loss": [0.5, 0.25], "lr": 2e-4, "model_state_dict": state, "ema_state_dict": ema,
                "optimizer_state_dict": optimiser}
    pack("state.pt", lambda f: torch.save(state, f))
    pack("training.pt", lambda f: torch.save(training, f))
    # Parameters, not tensors, in half precision, one of them in channels-last memory.
    legacy = collections.OrderedDict((k, nn.Parameter(v.half())) for k, v in state.items())
    name = "mid_block1.block1.proj.weight"
    legacy[name] = nn.Parameter(legacy[name].detach().to(memory_format=torch.channels_last))
    pack("legacy.pt", lambda f: torch.save(legacy, f, _use_new_zipfile_serialization=False))
    pack("state.npz", lambda f: np.savez(f, **{"w/" + k: v.double().numpy() for k, v in state.items()}, x0=np.zeros(3)))
    pack("state.safetensors", lambda f: f.write(safetensors.torch.save({k: v.bfloat16() for k, v in state.items()})))
    # What a training script may keep beside the weights without harm.
    beside = {"model_state_dict": {"module." + k: v.half() for k, v in state.items()}, "seen": {1, 2}, "kept": frozenset([3]),
              "shape": torch.Size([1, 16, 16]), "names": ("a", None)}
    pack("containers.pt", lambda f: torch.save(beside, f, _use_new_zipfile_serialization=False))
    pack("names.pt", lambda f: torch.save({"final_conv.1.bias": torch.zeros(2), "stranger": torch.zeros(1)}, f))
    pack("model.pt", lambda f: torch.save(nn.Linear(2, 2), f))


if __name__ == "__main__":
    if sys.argv[1:2] == ["check"]:
        got = read_safetensors(open(sys.argv[2], "rb").read())
        print(Network().load_state_dict(got, strict=True))
        print({seed: all(torch.equal(v, got[k]) for k, v in network(seed).state_dict().items()) for seed in (1, 2)})
    else:
        main()
