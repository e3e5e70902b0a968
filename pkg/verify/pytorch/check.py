"""Compares this directory's PyTorch code with a file of reference outputs, number by number, and fails on a miss.

Usage: check.py [--double] FILE.npz. Tolerances are those of the golden file's description. With --double the network and its
gradients run in float64, which shows how far the file's own float32 numbers are from exact ones.
"""

import argparse
import json
import os
import sys

os.environ["CUDA_VISIBLE_DEVICES"] = ""  # stubs.py stands in for CUDA
import numpy as np
import torch
from diffusion import Schedule
from reference import GRADIENTS, summaries, terms, training
from unet import UNet


class Table:
    def __init__(self) -> None:
        self.missed = 0
        print(f"{'quantity':40} {'largest difference':>18} {'tolerance':>9}")

    def row(self, name: str, got, want, tolerance: float, scale: str) -> None:
        got, want = np.asarray(got, dtype=np.float64), np.asarray(want, dtype=np.float64)
        if got.shape != want.shape:
            raise SystemExit(f"{name} has shape {got.shape}, the file has {want.shape}")
        difference = np.abs(got - want)
        if scale == "relative":
            difference = difference / np.where(difference > 0, np.abs(want), 1)
        elif scale == "to largest":
            difference = difference / np.abs(want).max()
        worst = difference.max()
        passed = bool(worst <= tolerance)  # NaN does not pass
        self.missed += not passed
        print(f"{name:40} {worst:18.3g} {tolerance:9.0e} {scale:10} {'pass' if passed else 'MISS'}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--double", action="store_true", help="run the network in float64")
    parser.add_argument("file", help="reference outputs (.npz)")
    args = parser.parse_args()
    stored = np.load(args.file)
    weights = {name[2:]: torch.from_numpy(stored[name]) for name in stored.files if name.startswith("w/")}
    network = UNet(weights["time_mlp.1.weight"].shape[1])
    network.load_state_dict(weights, strict=True)
    dtype = torch.float64 if args.double else torch.float32
    network.to(dtype)
    x0, y, eps, x_t = (torch.from_numpy(stored[name]).to(dtype) for name in ("x0", "y", "eps", "x_t"))
    t = torch.from_numpy(stored["t"])

    table, schedule = Table(), Schedule()
    for name in ("betas", "alphas_cumprod", "posterior_variance"):
        table.row(name, getattr(schedule, name), stored[name], 1e-6, "relative")
    table.row("x_t", schedule.noised(x0.float(), t, eps.float()), stored["x_t"], 1e-6, "absolute")
    out = training(network, x_t, y, t, eps)
    table.row("eps_pred", out["eps_pred"], stored["eps_pred"], 2e-5, "absolute")
    for name in ("loss_huber", "loss_mse"):
        table.row(name, out[name], stored[name], 1e-5, "relative")
    for name in GRADIENTS:
        table.row(f"grad/{name}", out[f"grad/{name}"], stored[f"grad/{name}"], 1e-3, "to largest")
    step = schedule.reverse_step(x_t[3:], 250, out["eps_pred"][3:], eps[:1])
    table.row("reverse_step_t250", step, stored["reverse_step_t250"], 1e-5, "absolute")
    want = json.loads(stored["vlb_json"].tobytes())
    bounds = {"": terms(network, schedule, x0, y, eps), " (float64 schedule)": terms(network, Schedule(torch.float64), x0, y, eps)}
    for which, bound in bounds.items():
        for name in bound:
            table.row(f"vlb {name}{which}", bound[name], want[name], 5e-4, "relative")
    got = summaries(torch.from_numpy(stored["fields"]))
    for name, tolerance in {"k": 1e-5, "pk": 1e-12, "rchisq_loo": 1e-10, "rchisq_gen_vs_true15": 1e-10}.items():
        table.row(name, got[name], stored[name], tolerance, "relative")
    print(f"{args.file}: {'every comparison passes' if table.missed == 0 else f'{table.missed} comparisons miss'}")
    return table.missed > 0


if __name__ == "__main__":
    sys.exit(main())
