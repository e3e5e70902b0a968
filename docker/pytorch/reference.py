"""reference.py --dim D --side S --seed N OUT.npz: outputs of the network with random weights, for `darkfield verify`.

reference.py --check FILE.npz computes what the file holds from its inputs, and ends with 1 where anything differs by more than
`darkfield verify` allows. --double runs the network in float64.
"""

import argparse
import json
import math
import os
import sys

import numpy as np
import torch
from torch.nn import functional as F

from diffusion import Schedule, bound
from unet import UNet

GRADIENTS = [
    "time_mlp.1.weight",
    "downs.0.0.block1.proj.weight",
    "mid_attn.fn.fn.to_qkv.weight",
    "ups.2.3.weight",
    "final_conv.1.weight",
    "conditional_embedding.0.weight",
]
TERMS = [0, 1, 2, 5, 10, 20, 100, 500, 999]
BOX_SIDE = 25

# Largest differences allowed: relative to each value, absolute, or relative to the largest value.
TOLERANCES = {
    "betas": ("relative", 1e-6),
    "alphas_cumprod": ("relative", 1e-6),
    "posterior_variance": ("relative", 1e-6),
    "x_t": ("absolute", 1e-6),
    "eps_pred": ("absolute", 2e-5),
    "loss_huber": ("relative", 1e-5),
    "loss_mse": ("relative", 1e-5),
    "grad": ("largest", 1e-3),
    "vlb": ("relative", 5e-4),
    "reverse_step_t250": ("absolute", 1e-5),
    "k": ("relative", 1e-5),
    "pk": ("relative", 1e-12),
    "rchisq_loo": ("relative", 1e-10),
    "rchisq_gen_vs_true15": ("relative", 1e-10),
}


def inputs(side, seed):
    """Maps, parameters, noise and log fields drawn from a seed."""
    draw = np.random.default_rng(seed)
    true = draw.normal(10.97, 0.5, size=(15, side, side))
    generated = draw.normal(10.97, 0.5, size=(15, side, side))
    return {
        "x0": draw.uniform(-1, 1, size=(4, 1, side, side)).astype(np.float32),
        "y": draw.uniform(size=(4, 2)).astype(np.float32),
        "t": np.array([0, 1, 17, 250]),
        "eps": draw.normal(size=(4, 1, side, side)).astype(np.float32),
        "fields": np.concatenate([true, generated]),
    }


def outputs(network, given, dtype=torch.float32):
    """What the network and the mathematics make of the inputs."""
    network = network.to(dtype)
    schedule = Schedule()
    x0, y, eps = (torch.from_numpy(given[key]).to(dtype) for key in ("x0", "y", "eps"))
    index = torch.from_numpy(given["t"])
    x_t = schedule.noised(x0, index, eps)
    predicted = network(x_t, index.to(dtype), y)
    huber = F.smooth_l1_loss(predicted, eps)
    parameters = dict(network.named_parameters())
    gradients = torch.autograd.grad(huber, [parameters[name] for name in GRADIENTS])
    with torch.no_grad():
        terms = bound(schedule, network, x0[:1], y[:1], eps[:1], TERMS)
        i = int(index[-1])
        step = schedule.reverse_mean(i, x_t[-1:], predicted[-1:]) + math.sqrt(schedule.posterior_variance[i]) * eps[:1]
    out = {
        "betas": schedule.betas,
        "alphas_cumprod": schedule.alphas_cumprod,
        "posterior_variance": schedule.posterior_variance,
        "x_t": x_t,
        "eps_pred": predicted,
        "loss_huber": huber,
        "loss_mse": F.mse_loss(predicted, eps),
        "reverse_step_t250": step,
    }
    out |= {f"grad/{name}": gradient for name, gradient in zip(GRADIENTS, gradients)}
    out = {key: value.detach().float().numpy() for key, value in out.items()}
    out["vlb_json"] = np.frombuffer(json.dumps(terms).encode(), dtype=np.uint8)
    return out | summaries(given["fields"])


def summaries(fields):
    """Spectra of the log fields, and the reduced chi² of both halves against the first."""
    spectra = [spectrum(field) for field in fields]
    k, power = spectra[0][0], np.array([p for _, p in spectra])
    half = len(power) // 2
    true, generated = power[:half], power[half:]
    others = [np.delete(true, i, axis=0) for i in range(half)]
    return {
        "k": k.astype(np.float32),
        "pk": power,
        "rchisq_loo": np.array([reduced_chi2(p, rest) for p, rest in zip(true, others)]),
        "rchisq_gen_vs_true15": np.array([reduced_chi2(p, true) for p in generated]),
    }


def spectrum(field):
    side = len(field)
    power = np.abs(np.fft.rfft2(field / field.sum())) ** 2
    kx, ky = np.arange(side // 2 + 1), np.fft.fftfreq(side, 1 / side)
    k = np.hypot(kx[None, :], ky[:, None])
    weight = np.where((kx == 0) | (kx == side // 2), 1.0, 2.0)[None, :].repeat(side, axis=0)
    bins = np.ceil(k).astype(int).ravel()
    total = np.bincount(bins, weight.ravel())
    mean_k = np.bincount(bins, (weight * k).ravel()) / total
    mean_power = np.bincount(bins, (weight * power).ravel()) / total
    return mean_k[1 : side // 2 + 1], mean_power[1 : side // 2 + 1] * BOX_SIDE**2


def reduced_chi2(power, reference):
    return float((((power - reference.mean(0)) / reference.std(0, ddof=1)) ** 2).sum() / (len(power) - 1))


def write(path, arrays):
    partial = f"{path}.partial.npz"
    np.savez(partial, **arrays)
    os.replace(partial, path)


def check(path, dtype):
    with np.load(path) as file:
        stored = dict(file)
    weights = {key.removeprefix("w/"): torch.from_numpy(value) for key, value in stored.items() if key.startswith("w/")}
    dim = weights["time_mlp.1.weight"].shape[1]
    network = UNet(dim)
    network.load_state_dict(weights, strict=True)
    computed = outputs(network, stored, dtype)
    missed = 0
    for key, got in computed.items():
        want = stored[key]
        if key == "vlb_json":
            got, want = json.loads(bytes(got)), json.loads(bytes(want))
            order = sorted(want)
            got, want = np.array([got[term] for term in order]), np.array([want[term] for term in order])
        kind, tolerance = TOLERANCES[key.split("/")[0].removesuffix("_json")]
        scale = {"absolute": 1.0, "relative": np.abs(want), "largest": np.abs(want).max()}[kind]
        apart = np.abs(got.astype(float) - want)
        difference = np.divide(apart, scale, out=np.zeros_like(apart), where=apart != 0).max()
        passed = got.shape == want.shape and difference <= tolerance
        missed += not passed
        print(f"{key:40} {difference:9.2g} {tolerance:7.0g} {kind:8} {'pass' if passed else 'MISS'}")
    return missed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dim", type=int, default=8, help="width of the network")
    parser.add_argument("--side", type=int, default=32, help="pixels of the maps")
    parser.add_argument("--seed", type=int, default=1, help="of weights and inputs")
    parser.add_argument("--double", action="store_true", help="run the network in float64")
    parser.add_argument("--check", action="store_true", help="compare with the file instead of writing it")
    parser.add_argument("path", metavar="FILE.npz")
    args = parser.parse_args()
    dtype = torch.float64 if args.double else torch.float32
    if args.check:
        sys.exit(f"{args.path}: some quantities miss their tolerance" if check(args.path, dtype) else 0)
    torch.manual_seed(args.seed)
    network = UNet(args.dim)
    for module in network.modules():  # as they start, all normalisations are alike
        if isinstance(module, torch.nn.GroupNorm):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.uniform_(module.bias, -0.5, 0.5)
    weights = {f"w/{name}": value.numpy().copy() for name, value in network.state_dict().items()}
    given = inputs(args.side, args.seed)
    write(args.path, given | weights | outputs(network, given, dtype))


if __name__ == "__main__":
    main()
