"""The network of design section 5 in PyTorch: a second, independent version to compare the Go program with.

UNet(dim, multipliers) has the parameter names that the paper's weights and pkg/unet use, so load_state_dict(…, strict=True)
takes either. Maps are [batch, 1, side, side]; the time is the 0-based index as a float; θ is scaled to [0, 1].
"""

import math

import torch
from torch import Tensor, nn

HEADS, HEAD_WIDTH, GROUPS, THETAS, THETA_HIDDEN = 4, 32, 8, 2, 10


class Sinusoidal(nn.Module):
    """Sines, then cosines, of the index times frequencies from 1 down to 1e-4."""

    def __init__(self, dim: int):
        super().__init__()
        self.half = dim // 2

    def forward(self, index: Tensor) -> Tensor:
        i = torch.arange(self.half, dtype=index.dtype)
        phase = index[:, None] * torch.exp(i * (-math.log(10000) / (self.half - 1)))
        return torch.cat([phase.sin(), phase.cos()], dim=1)


class Block(nn.Module):
    def __init__(self, width_in: int, width_out: int):
        super().__init__()
        self.proj = nn.Conv2d(width_in, width_out, 3, padding=1, padding_mode="circular")
        self.norm = nn.GroupNorm(GROUPS, width_out)

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.silu(self.norm(self.proj(x)))


class ResNet(nn.Module):
    """Two blocks with the conditions added between them, and a shortcut."""

    def __init__(self, width_in: int, width_out: int, embedding: int):
        super().__init__()
        self.mlp = nn.Sequential(nn.SiLU(), nn.Linear(embedding, width_out))
        self.cond_mlp = nn.Sequential(nn.SiLU(), nn.Linear(THETAS, width_out))
        self.block1 = Block(width_in, width_out)
        self.block2 = Block(width_out, width_out)
        self.res_conv = nn.Conv2d(width_in, width_out, 1) if width_in != width_out else nn.Identity()

    def forward(self, x: Tensor, time: Tensor, theta: Tensor) -> Tensor:
        condition = self.mlp(time) + self.cond_mlp(theta)
        return self.block2(self.block1(x) + condition[:, :, None, None]) + self.res_conv(x)


class Attention(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        hidden = HEADS * HEAD_WIDTH
        self.to_qkv = nn.Conv2d(width, 3 * hidden, 1, bias=False)
        self.to_out = self.output(hidden, width)

    def output(self, hidden: int, width: int) -> nn.Module:
        return nn.Conv2d(hidden, width, 1)

    def mix(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        weights = torch.einsum("bhci,bhcj->bhij", q / math.sqrt(HEAD_WIDTH), k).softmax(dim=3)
        return torch.einsum("bhij,bhcj->bhci", weights, v)

    def forward(self, x: Tensor) -> Tensor:
        batch, _, height, width = x.shape
        q, k, v = self.to_qkv(x).reshape(batch, 3, HEADS, HEAD_WIDTH, height * width).unbind(1)
        return self.to_out(self.mix(q, k, v).reshape(batch, HEADS * HEAD_WIDTH, height, width))


class LinearAttention(Attention):
    """Cost linear in the number of pixels: keys and values meet before the queries do."""

    def output(self, hidden: int, width: int) -> nn.Module:
        return nn.Sequential(nn.Conv2d(hidden, width, 1), nn.GroupNorm(1, width))

    def mix(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        context = torch.einsum("bhci,bhdi->bhcd", k.softmax(dim=3), v)
        return torch.einsum("bhcd,bhci->bhdi", context, q.softmax(dim=2) / math.sqrt(HEAD_WIDTH))


class Normed(nn.Module):
    def __init__(self, fn: nn.Module, width: int):
        super().__init__()
        self.fn = fn
        self.norm = nn.GroupNorm(1, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.fn(self.norm(x))


class Residual(nn.Module):
    def __init__(self, kind: type[Attention], width: int):
        super().__init__()
        self.fn = Normed(kind(width), width)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.fn(x)


class UNet(nn.Module):
    def __init__(self, dim: int, multipliers: tuple[int, ...] = (1, 2, 4, 8)):
        super().__init__()
        embedding, widths = 4 * dim, [dim * m for m in multipliers]
        self.conditional_embedding = nn.Sequential(nn.Linear(THETAS, THETA_HIDDEN), nn.GELU(), nn.Linear(THETA_HIDDEN, embedding))
        self.time_mlp = nn.Sequential(Sinusoidal(dim), nn.Linear(dim, embedding), nn.GELU(), nn.Linear(embedding, embedding))

        def level(width_in: int, width_out: int, resample: nn.Module) -> nn.ModuleList:
            first, second = ResNet(width_in, width_out, embedding), ResNet(width_out, width_out, embedding)
            return nn.ModuleList([first, second, Residual(LinearAttention, width_out), resample])

        self.downs, self.ups = nn.ModuleList(), nn.ModuleList()
        for i, (below, width) in enumerate(zip([1, *widths], widths)):
            last = i == len(widths) - 1
            halve = nn.Identity() if last else nn.Conv2d(width, width, 4, stride=2, padding=1, padding_mode="circular")
            self.downs.append(level(below, width, halve))
        for width, below in zip(widths[:0:-1], widths[-2::-1]):
            self.ups.append(level(2 * width, below, nn.ConvTranspose2d(below, below, 4, stride=2, padding=1)))
        self.mid_block1 = ResNet(widths[-1], widths[-1], embedding)
        self.mid_attn = Residual(Attention, widths[-1])
        self.mid_block2 = ResNet(widths[-1], widths[-1], embedding)
        self.final_conv = nn.ModuleList([ResNet(dim, dim, embedding), nn.Conv2d(dim, 1, 1)])

    def forward(self, x: Tensor, index: Tensor, theta: Tensor) -> Tensor:
        time = self.time_mlp(index.to(x.dtype)) + self.conditional_embedding(theta)
        skips = []
        for first, second, attend, halve in self.downs:
            x = attend(second(first(x, time, theta), time, theta))
            skips.append(x)
            x = halve(x)
        x = self.mid_block1(x, time, theta)
        x = self.mid_block2(self.mid_attn(x), time, theta)
        for first, second, attend, double in self.ups:
            x = torch.cat([x, skips.pop()], dim=1)  # the finest skip stays unused, as in the paper's code
            x = double(attend(second(first(x, time, theta), time, theta)))
        last, to_map = self.final_conv
        return to_map(last(x, time, theta))
