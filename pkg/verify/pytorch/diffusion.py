"""Schedule, noising, losses, terms of the bound, reverse step, spectrum and reduced chi² of the paper, in PyTorch.

Index i of every schedule array is step i + 1 of Ho et al. Terms of the bound are sums over pixels, natural logarithm.
"""

import math
from typing import Callable

import torch
from torch import Tensor

BOX_SIDE = 25.0  # Mpc/h
Denoiser = Callable[[Tensor, Tensor, Tensor], Tensor]


class Schedule:
    """The paper's 1000 steps. In float32, 1 − ᾱ of the first steps has lost four digits, as in the paper's own code."""

    def __init__(self, dtype: torch.dtype = torch.float32):
        betas = torch.linspace(1e-4, 1e-2, 1000, dtype=torch.float64)
        betas[500:] *= torch.linspace(1, 3, 500, dtype=torch.float64)
        self.betas = betas.to(dtype)
        self.alphas = 1 - self.betas
        self.alphas_cumprod = torch.cumprod(self.alphas.double(), 0).to(dtype)
        self.previous = torch.cat([torch.ones(1, dtype=dtype), self.alphas_cumprod[:-1]])
        self.posterior_variance = self.betas * (1 - self.previous) / (1 - self.alphas_cumprod)

    def noised(self, x0: Tensor, t: Tensor, eps: Tensor) -> Tensor:
        share = self.alphas_cumprod[t][:, None, None, None]
        return share.sqrt() * x0 + (1 - share).sqrt() * eps

    def reverse_mean(self, x: Tensor, t: int, eps: Tensor) -> Tensor:
        """Returns the mean of p(x_{t−1} | x_t) for predicted noise."""
        return (x - self.betas[t] / (1 - self.alphas_cumprod[t]).sqrt() * eps) / self.alphas[t].sqrt()

    def reverse_step(self, x: Tensor, t: int, eps: Tensor, fresh: Tensor) -> Tensor:
        return self.reverse_mean(x, t, eps) + self.posterior_variance[t].sqrt() * fresh

    def term(self, denoiser: Denoiser, i: int, x0: Tensor, theta: Tensor, noise: Tensor) -> float:
        """Returns L_i for one map [1, 1, side, side] and its noise."""
        index = torch.tensor([i])
        x = self.noised(x0.to(self.betas), index, noise.to(self.betas))
        eps = denoiser(x.to(x0), index, theta).to(x)
        if i == 0:
            off = (x0 - self.reverse_mean(x, 0, eps)).double()
            variance = self.betas[0].double()
            return (off.square() / (2 * variance) + 0.5 * torch.log(2 * math.pi * variance)).sum().item()
        share = self.alphas_cumprod[i]
        implied = (x - (1 - share).sqrt() * eps) / share.sqrt()
        # Both means hold x alike, so that only their parts of x0 differ.
        of_x0 = self.betas[i] * self.previous[i].sqrt() / (1 - share)
        off = (of_x0 * (x0 - implied)).double()
        return (off.square().sum() / (2 * self.posterior_variance[i].double())).item()

    def last_term(self, x0: Tensor) -> float:
        """Returns KL[q(x_T | x0) ‖ N(0, I)]."""
        share = self.alphas_cumprod[-1].double()
        return 0.5 * (share * x0.double().square() - share - torch.log1p(-share)).sum().item()


def huber(eps: Tensor, predicted: Tensor) -> Tensor:
    return torch.nn.functional.smooth_l1_loss(predicted, eps)


def mean_square(eps: Tensor, predicted: Tensor) -> Tensor:
    return torch.nn.functional.mse_loss(predicted, eps)


def spectrum(fields: Tensor) -> tuple[Tensor, Tensor]:
    """Returns k in fundamental modes [side/2] and P(k) [maps, side/2] of square fields, each divided by its sum."""
    side = fields.shape[-1]
    power = torch.fft.rfft2(fields / fields.sum(dim=(1, 2), keepdim=True)).abs().square()
    rows = torch.fft.fftfreq(side, 1 / side, dtype=fields.dtype)
    columns = torch.arange(side // 2 + 1, dtype=fields.dtype)
    k = torch.hypot(rows[:, None], columns[None, :])
    weight = torch.full_like(k, 2)  # the half plane that rfft2 leaves out is the mirror image
    weight[:, 0] = weight[:, -1] = 1
    bins = k.ceil().long().flatten()

    def binned(values: Tensor) -> Tensor:
        values = (values * weight).flatten(-2)
        sums = torch.zeros(*values.shape[:-1], int(bins.max()) + 1, dtype=values.dtype)
        return sums.index_add(-1, bins, values)[..., 1 : side // 2 + 1]

    count = binned(torch.ones_like(k))
    return binned(k) / count, BOX_SIDE**2 * binned(power) / count


def reduced_chi2(curve: Tensor, reference: Tensor) -> Tensor:
    off = (curve - reference.mean(0)).square() / reference.var(0, correction=1)
    return off.sum() / (len(curve) - 1)


def leave_one_out(curves: Tensor) -> Tensor:
    return torch.stack([reduced_chi2(c, torch.cat([curves[:i], curves[i + 1 :]])) for i, c in enumerate(curves)])
