"""Folding is exact."""

import torch
import torch.nn.functional as F
from torch import nn

from spikedense.models.layers import unfold_time
from spikedense.models.layers.rep_conv import SpikeRepConv
from spikedense.ops import fold_conv_bn


def _settle_statistics(module: nn.Module) -> None:
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.running_mean.normal_()
            norm.running_var.uniform_(0.5, 2)
            nn.init.normal_(norm.weight)
            nn.init.normal_(norm.bias)


def test_rep_conv_merges_into_one_convolution_borders_included() -> None:
    module = SpikeRepConv(6, 5, None, dict(type='BN')).double().eval()
    _settle_statistics(module)
    spikes = torch.randint(0, 5, (2, 3, 6, 5, 7)).double() / 4
    weight, bias = module.merged()
    merged = F.conv2d(spikes.flatten(0, 1), weight, bias, padding=1)
    torch.testing.assert_close(module(spikes), unfold_time(merged, 2))


def test_conv_and_norm_fold_into_one_convolution() -> None:
    conv, norm = nn.Conv2d(4, 6, 3).double(), nn.BatchNorm2d(6).double().eval()
    _settle_statistics(norm)
    x = torch.randn(2, 4, 8, 8, dtype=torch.float64)
    weight, bias = fold_conv_bn(conv.weight, conv.bias, norm)
    torch.testing.assert_close(F.conv2d(x, weight, bias), norm(conv(x)))
