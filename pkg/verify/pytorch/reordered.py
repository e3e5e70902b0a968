"""Linear attention with its products taken in the order of pkg/unet/attention.go: the same function, with less work.

Values and outputs of heads are linear in the map, so keys are contracted with the map itself and queries meet one small matrix
a map. Run as a program it compares outputs and gradients with those of unet.py in float64; exit status 1 on a difference.
"""

import math
import os
import sys

if os.environ.get("DARKFIELD_TORCH_DEVICE", "cpu") == "cpu":
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # stubs.py stands in for CUDA
import torch
from torch import Tensor
from unet import HEAD_WIDTH, HEADS, LinearAttention, UNet

TOLERANCE = 1e-10  # of the largest entry, in float64; both versions round differently


class Reordered(LinearAttention):
    def forward(self, x: Tensor) -> Tensor:
        batch, width, height, breadth = x.shape
        hidden, pixels = HEADS * HEAD_WIDTH, x.reshape(batch, width, height * breadth)
        of_q, of_k, of_v = self.to_qkv.weight.reshape(3, hidden, width).unbind(0)
        k = (of_k @ pixels).softmax(dim=2)
        context = (k @ pixels.transpose(1, 2)).reshape(batch, HEADS, HEAD_WIDTH, width)
        context = context @ of_v.reshape(HEADS, HEAD_WIDTH, width).transpose(1, 2)  # key × value, as in the usual order
        project, norm = self.to_out
        out = project.weight.reshape(width, HEADS, HEAD_WIDTH).permute(1, 2, 0) / math.sqrt(HEAD_WIDTH)
        mix = (context @ out).reshape(batch, hidden, width)
        q = (of_q @ pixels).reshape(batch, HEADS, HEAD_WIDTH, height * breadth).softmax(dim=2)
        y = mix.transpose(1, 2) @ q.reshape(batch, hidden, height * breadth) + project.bias[:, None]
        return norm(y.reshape(batch, width, height, breadth))


def reordered(network: UNet) -> UNet:
    """Switches all linear attention of a network to the other order; its parameters stay."""
    for module in network.modules():
        if type(module) is LinearAttention:
            module.__class__ = Reordered
    return network


def difference(dim: int, side: int) -> float:
    """Returns the largest difference of outputs and gradients, each over the largest entry of its tensor."""
    torch.manual_seed(1)
    usual = UNet(dim).double()
    other = reordered(UNet(dim).double())
    other.load_state_dict(usual.state_dict(), strict=True)
    x, index, theta = torch.randn(2, 1, side, side).double(), torch.tensor([3.0, 500.0]).double(), torch.rand(2, 2).double()
    worst, results = 0.0, []
    for network in (usual, other):
        y = network(x, index, theta)
        y.square().mean().backward()
        gradients = [p.grad for p in network.parameters()]
        largest = max(g.abs().max() for g in gradients)
        results.append([y.detach() / y.detach().abs().max(), *(g / largest for g in gradients)])
    for a, b in zip(*results, strict=True):
        worst = max(worst, (a - b).abs().max().item())
    return worst


def main() -> int:
    worst = difference(16, 32)
    print(f"reordered attention: largest relative difference {worst:.2g}, tolerance {TOLERANCE:.0e}")
    return not worst <= TOLERANCE


if __name__ == "__main__":
    sys.exit(main())
