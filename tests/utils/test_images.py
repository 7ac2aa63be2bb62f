"""Made-up images."""

import pytest
import torch
from torch import nn

from spikedense.utils.images import input_channels, random_images


class Net(nn.Module):
    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.first = nn.Conv2d(9, 9, 1)  # not of the backbone
        self.backbone = backbone


def test_channels_of_the_first_convolution_of_the_backbone() -> None:
    layers = nn.Sequential(nn.BatchNorm2d(5), nn.Conv2d(5, 7, 3), nn.Conv2d(7, 2, 3))
    assert input_channels(Net(layers)) == input_channels(layers) == 5
    assert random_images(Net(layers), (4, 6), 2).shape == (2, 5, 4, 6)


@pytest.mark.parametrize(('layers', 'found'), [(nn.PixelUnshuffle(2), 3), (nn.Identity(), 12)])
def test_channels_that_are_made_before_the_first_convolution(layers: nn.Module, found: int) -> None:
    # The stem of YOLOX makes four channels out of each one.
    backbone = nn.Sequential(layers, nn.Conv2d(12, 4, 3), nn.BatchNorm2d(4))
    assert input_channels(backbone) == found
    assert backbone.training
    assert backbone[2].num_batches_tracked == 0


def test_channels_of_a_backbone_without_convolutions() -> None:
    backbone = nn.Linear(12, 3)
    with pytest.raises(ValueError, match='Linear has no convolution and no in_channels'):
        input_channels(backbone)
    backbone.in_channels = 4
    assert input_channels(Net(backbone)) == 4


def test_the_generator_decides() -> None:
    net = nn.Conv2d(3, 1, 1)
    images = [random_images(net, (2, 2), 1, torch.Generator().manual_seed(1)) for _ in range(2)]
    assert torch.equal(*images)
