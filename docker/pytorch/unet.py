"""The paper's network in PyTorch, to compare darkfield's with: same parameter names, written from its description.

Images are [batch, 1, side, side], the index of the time step [batch], θ [batch, 2].
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

GROUPS, HEADS, HEAD_WIDTH, THETAS, CONDITIONAL = 8, 4, 32, 2, 10


class UNet(nn.Module):
    def __init__(self, dim=64, multipliers=(1, 2, 4, 8)):
        super().__init__()
        embedding = 4 * dim
        widths = [dim * m for m in multipliers]
        self.conditional_embedding = nn.Sequential(nn.Linear(THETAS, CONDITIONAL), nn.GELU(), nn.Linear(CONDITIONAL, embedding))
        self.time_mlp = nn.Sequential(Sinusoids(dim), nn.Linear(dim, embedding), nn.GELU(), nn.Linear(embedding, embedding))
        self.downs, self.ups = nn.ModuleList(), nn.ModuleList()
        for level, (before, after) in enumerate(zip([1, *widths], widths)):
            resample = nn.Identity()
            if level < len(widths) - 1:
                resample = nn.Conv2d(after, after, 4, stride=2, padding=1, padding_mode="circular")
            self.downs.append(stage(before, after, embedding, resample))
        for below, above in zip(widths[:0:-1], widths[-2::-1]):
            self.ups.append(stage(2 * below, above, embedding, nn.ConvTranspose2d(above, above, 4, stride=2, padding=1)))
        self.mid_block1 = ResNet(widths[-1], widths[-1], embedding)
        self.mid_attn = Residual(PreNorm(FullAttention(widths[-1]), widths[-1]))
        self.mid_block2 = ResNet(widths[-1], widths[-1], embedding)
        self.final_conv = nn.ModuleList([ResNet(dim, dim, embedding), nn.Conv2d(dim, 1, 1)])

    def forward(self, x, index, theta):
        time = self.time_mlp(index) + self.conditional_embedding(theta)
        skips = []
        for first, second, attention, halve in self.downs:
            x = attention(second(first(x, time, theta), time, theta))
            skips.append(x)
            x = halve(x)
        x = self.mid_block1(x, time, theta)
        x = self.mid_block2(self.mid_attn(x), time, theta)
        for (first, second, attention, double), skip in zip(self.ups, skips[:0:-1]):  # the finest skip stays unused
            x = torch.cat([x, skip], dim=1)
            x = double(attention(second(first(x, time, theta), time, theta)))
        block, readout = self.final_conv
        return readout(block(x, time, theta))


def stage(before, after, embedding, resample):
    attention = Residual(PreNorm(LinearAttention(after), after))
    return nn.ModuleList([ResNet(before, after, embedding), ResNet(after, after, embedding), attention, resample])


class Sinusoids(nn.Module):
    """Sines, then cosines, of the index times dim/2 frequencies from 1 down to 1e-4."""

    def __init__(self, dim):
        super().__init__()
        self.dim = dim

    def forward(self, index):
        half = self.dim // 2
        frequency = torch.exp(torch.arange(half, device=index.device, dtype=index.dtype) * (-math.log(1e4) / (half - 1)))
        phase = index[:, None] * frequency
        return torch.cat([phase.sin(), phase.cos()], dim=1)


class ResNet(nn.Module):
    """Two blocks with the time embedding and θ added between them, and a residual."""

    def __init__(self, before, after, embedding):
        super().__init__()
        self.mlp = nn.Sequential(nn.SiLU(), nn.Linear(embedding, after))
        self.cond_mlp = nn.Sequential(nn.SiLU(), nn.Linear(THETAS, after))
        self.block1, self.block2 = Block(before, after), Block(after, after)
        self.res_conv = nn.Conv2d(before, after, 1) if before != after else nn.Identity()

    def forward(self, x, time, theta):
        shift = self.mlp(time) + self.cond_mlp(theta)
        return self.block2(self.block1(x) + shift[:, :, None, None]) + self.res_conv(x)


class Block(nn.Module):
    def __init__(self, before, after):
        super().__init__()
        self.proj = nn.Conv2d(before, after, 3, padding=1, padding_mode="circular")
        self.norm = nn.GroupNorm(GROUPS, after)

    def forward(self, x):
        return F.silu(self.norm(self.proj(x)))


class Residual(nn.Module):
    def __init__(self, fn):
        super().__init__()
        self.fn = fn

    def forward(self, x):
        return x + self.fn(x)


class PreNorm(nn.Module):
    def __init__(self, fn, width):
        super().__init__()
        self.fn = fn
        self.norm = nn.GroupNorm(1, width)

    def forward(self, x):
        return self.fn(self.norm(x))


def heads(qkv):
    """[batch, 3·heads·width, height, width] as three of [batch, heads, width, pixels]."""
    return qkv.unflatten(1, (3, HEADS, HEAD_WIDTH)).flatten(4).unbind(1)


class LinearAttention(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.to_qkv = nn.Conv2d(width, 3 * HEADS * HEAD_WIDTH, 1, bias=False)
        self.to_out = nn.Sequential(nn.Conv2d(HEADS * HEAD_WIDTH, width, 1), nn.GroupNorm(1, width))

    def forward(self, x):
        q, k, v = heads(self.to_qkv(x))
        q = q.softmax(dim=-2) / math.sqrt(HEAD_WIDTH)
        context = v @ k.softmax(dim=-1).mT
        return self.to_out((context @ q).flatten(1, 2).unflatten(2, x.shape[2:]))


class FullAttention(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.to_qkv = nn.Conv2d(width, 3 * HEADS * HEAD_WIDTH, 1, bias=False)
        self.to_out = nn.Conv2d(HEADS * HEAD_WIDTH, width, 1)

    def forward(self, x):
        q, k, v = heads(self.to_qkv(x))
        weights = (q.mT / math.sqrt(HEAD_WIDTH) @ k).softmax(dim=-1)  # [batch, heads, query, key]
        return self.to_out((v @ weights.mT).flatten(1, 2).unflatten(2, x.shape[2:]))
