"""The diffusion's mathematics in PyTorch. Index i is step t = i + 1 of Ho et al. The schedule is float32, as in the published code."""

import math

import torch

STEPS = 1000


class Schedule:
    def __init__(self):
        u = torch.linspace(1e-4, 0.01, STEPS)
        self.betas = torch.cat([u[: STEPS // 2], u[STEPS // 2 :] * torch.linspace(1, 3, STEPS // 2)])
        alphas = 1 - self.betas
        self.alphas_cumprod = alphas.cumprod(0)
        before = torch.cat([torch.ones(1), self.alphas_cumprod[:-1]])
        self.posterior_variance = self.betas * (1 - before) / (1 - self.alphas_cumprod)

    def noised(self, x0, index, eps):
        signal = self.alphas_cumprod[index].sqrt().to(x0.dtype)
        noise = (1 - self.alphas_cumprod[index]).sqrt().to(x0.dtype)
        return signal[:, None, None, None] * x0 + noise[:, None, None, None] * eps

    def reverse_mean(self, i, xt, predicted):
        """The mean of the reverse step from the map of index i, float64."""
        beta, alpha_bar = float(self.betas[i]), float(self.alphas_cumprod[i])
        return (xt.double() - beta / math.sqrt(1 - alpha_bar) * predicted.double()) / math.sqrt(1 - beta)

    def posterior_mean(self, i, x0, xt):
        """The mean of q(x_i | x_{i+1}, x0), float64."""
        beta, alpha_bar = float(self.betas[i]), float(self.alphas_cumprod[i])
        before = float(self.alphas_cumprod[i - 1]) if i else 1.0
        from_x0 = beta * math.sqrt(before) / (1 - alpha_bar)
        from_xt = (1 - before) * math.sqrt(1 - beta) / (1 - alpha_bar)
        return from_x0 * x0.double() + from_xt * xt.double()


def bound(schedule, network, x0, theta, eps, terms):
    """Terms of the variational bound of one map, in nats, summed over pixels: {"L0": …, …, "LT": …}."""
    out = {}
    for i in terms:
        xt = schedule.noised(x0, torch.tensor([i]), eps)
        predicted = network(xt, torch.tensor([i], dtype=xt.dtype), theta)
        if i == 0:
            mean, variance = schedule.reverse_mean(0, xt, predicted), float(schedule.betas[0])
            square = (x0.double() - mean).square().sum().item()
            out["L0"] = (square / variance + x0.numel() * math.log(2 * math.pi * variance)) / 2
        else:
            alpha_bar = float(schedule.alphas_cumprod[i])
            implied = (xt.double() - math.sqrt(1 - alpha_bar) * predicted.double()) / math.sqrt(alpha_bar)
            apart = schedule.posterior_mean(i, x0, xt) - schedule.posterior_mean(i, implied, xt)
            out[f"L{i}"] = apart.square().sum().item() / (2 * float(schedule.posterior_variance[i]))
    alpha_bar = float(schedule.alphas_cumprod[-1])
    squares = alpha_bar * x0.double().square().sum().item()
    out["LT"] = (squares + x0.numel() * (-alpha_bar - math.log1p(-alpha_bar))) / 2
    return out
