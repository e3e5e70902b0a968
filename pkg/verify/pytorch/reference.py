"""Writes a file of reference outputs in the layout of the golden file, for any width and side.

Usage: reference.py --dim D --side S --seed N [--small] OUT.npz. Weights are PyTorch's default draw, but for the
normalisations, whose scales and shifts are drawn around the identity so that a comparison sees them. `darkfield dev verify
OUT.npz` reads the file. With --small each tensor repeats its first weights over and over, so that the compressed file is
a tenth as large: pkg/verify holds one, which `darkfield dev verify` without a file reads.
"""

import argparse
import json
import os
from pathlib import Path

os.environ["CUDA_VISIBLE_DEVICES"] = ""  # stubs.py stands in for CUDA
import numpy as np
import torch
from diffusion import Schedule, huber, leave_one_out, mean_square, reduced_chi2, spectrum
from torch import Tensor
from unet import UNet

REPEATED = 509  # weights; a prime, so that no two rows of a tensor are the same
TIMES = [0, 1, 17, 250]
TERMS = [0, 1, 2, 5, 10, 20, 100, 500, 999]
GRADIENTS = [
    "time_mlp.1.weight",
    "downs.0.0.block1.proj.weight",
    "mid_attn.fn.fn.to_qkv.weight",
    "ups.2.3.weight",
    "final_conv.1.weight",
    "conditional_embedding.0.weight",
]


def training(network: UNet, x_t: Tensor, y: Tensor, t: Tensor, eps: Tensor) -> dict[str, Tensor]:
    """Returns prediction, losses and gradients of the Huber loss."""
    network.zero_grad()
    predicted = network(x_t, t, y)
    loss = huber(eps, predicted)
    loss.backward()
    parameters = dict(network.named_parameters())
    out = {"eps_pred": predicted.detach(), "loss_huber": loss.detach(), "loss_mse": mean_square(eps, predicted.detach())}
    return out | {f"grad/{name}": parameters[name].grad for name in GRADIENTS}


@torch.no_grad()
def terms(network: UNet, schedule: Schedule, x0: Tensor, y: Tensor, eps: Tensor) -> dict[str, float]:
    """Returns the terms of the bound of the first map, all with its noise."""
    out = {f"L{i}": schedule.term(network, i, x0[:1], y[:1], eps[:1]) for i in TERMS}
    return out | {"LT": schedule.last_term(x0[:1])}


def summaries(fields: Tensor) -> dict[str, Tensor]:
    """Returns spectra and reduced chi² of log maps; the first half are "true"."""
    k, power = spectrum(fields)
    true, generated = power.chunk(2)
    against = torch.stack([reduced_chi2(curve, true) for curve in generated])
    return {"k": k.float(), "pk": power, "rchisq_loo": leave_one_out(true), "rchisq_gen_vs_true15": against}


def drawn(dim: int, small: bool) -> UNet:
    network = UNet(dim)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, torch.nn.GroupNorm):
                module.weight.uniform_(0.8, 1.2)
                module.bias.uniform_(-0.2, 0.2)
        if small:
            for weights in network.parameters():
                weights.copy_(weights.flatten()[torch.arange(weights.numel()) % REPEATED].view_as(weights))
    return network


def reference(dim: int, side: int, seed: int, small: bool) -> dict[str, np.ndarray]:
    torch.manual_seed(seed)
    network, schedule = drawn(dim, small), Schedule()
    x0, y = 2 * torch.rand(4, 1, side, side) - 1, torch.rand(4, 2)
    t, eps = torch.tensor(TIMES), torch.randn(4, 1, side, side)
    fields = 10.97 + 0.5 * torch.randn(30, side, side, dtype=torch.float64)
    x_t = schedule.noised(x0, t, eps)
    out = {f"w/{name}": value for name, value in network.state_dict().items()}
    out |= {name: getattr(schedule, name) for name in ("betas", "alphas_cumprod", "posterior_variance")}
    out |= {"x0": x0, "y": y, "t": t, "eps": eps, "x_t": x_t} | training(network, x_t, y, t, eps)
    out["reverse_step_t250"] = schedule.reverse_step(x_t[3:], 250, out["eps_pred"][3:], eps[:1])
    # In float64 L1 is right to more than the 2e-4 that a float32 schedule costs it.
    bound = terms(network, Schedule(torch.float64), x0, y, eps)
    out |= {"fields": fields} | summaries(fields)
    arrays = {name: value.detach().numpy() for name, value in out.items()}
    return arrays | {"vlb_json": np.frombuffer(json.dumps(bound).encode(), dtype=np.uint8)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dim", type=int, required=True, help="channels of the first level")
    parser.add_argument("--side", type=int, required=True, help="pixels along a side of the maps")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--small", action="store_true", help="weights that repeat, in a compressed file")
    parser.add_argument("out", type=Path, help="file to write (.npz)")
    args = parser.parse_args()
    arrays = reference(args.dim, args.side, args.seed, args.small)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    scratch = args.out.with_name(args.out.name + ".partial.npz")
    (np.savez_compressed if args.small else np.savez)(scratch, **arrays)
    scratch.replace(args.out)
    print(f"{args.out}: dim {args.dim}, side {args.side}, {sum(a.size for n, a in arrays.items() if n.startswith('w/')):,} weights")


if __name__ == "__main__":
    main()
