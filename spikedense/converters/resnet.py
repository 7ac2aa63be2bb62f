"""Keys of the official residual networks: SEW-ResNet and Spiking-ResNet, MS-ResNet."""

import re

from .family import Family, any_key
from .rules import Rule, rename, under

#: Inside of a block a convolution and its norm are (0, 1), in early files below ``module``. The
#: shortcut of SEW-ResNet is a Sequential of such a pair and a neuron.
_SEW_BLOCK: list[Rule] = [
    (r'conv(\d)\.(module\.)?0\.', lambda match: f'branch.convs.{int(match[1]) - 1}.conv.'),
    (r'conv(\d)\.(module\.)?1\.', lambda match: f'branch.convs.{int(match[1]) - 1}.norm.'),
    (r'downsample\.0\.(module\.)?0\.', 'shortcut.convs.0.conv.'),
    (r'downsample\.0\.(module\.)?1\.', 'shortcut.convs.0.norm.'),
    (r'downsample\.(module\.)?0\.', 'shortcut.conv.'),
    (r'downsample\.(module\.)?1\.', 'shortcut.norm.'),
]

_SEW_STEM: list[Rule] = [
    (r'conv1\.(?=weight$)', 'stages.0.downsample.0.conv.'),
    (r'bn1\.', 'stages.0.downsample.0.norm.'),
]

#: Neurons take the indices 0 and 3 of the branch. The shortcut may have a pooling in front.
_MS_BLOCK: list[Rule] = [
    (r'residual_function\.1\.', 'conv1.conv.'),
    (r'residual_function\.2\.bn\.', 'conv1.norm.'),
    (r'residual_function\.4\.', 'conv2.conv.'),
    (r'residual_function\.5\.bn\.', 'conv2.norm.'),
    (r'shortcut\.\d\.bn\.', 'shortcut.norm.'),
    (r'shortcut\.\d\.', 'shortcut.conv.'),
]

_MS_STEM: list[Rule] = [
    (r'conv1\.(\d)\.bn\.', lambda match: f'stages.0.downsample.{int(match[1]) - 1}.norm.'),
    (r'conv1\.(\d)\.', r'stages.0.downsample.\1.conv.'),
]

_HEADS = {'fc': 'head.fc'}


def sew_resnet_key(key: str) -> str | None:
    """Rename a key of ``SEWResNet`` or ``SpikingResNet`` without classifier; None if unknown."""
    block = re.match(r'layer(\d)\.(\d+)\.', key)
    if block is None:
        return rename(key, _SEW_STEM)
    prefix = f'stages.{int(block[1]) - 1}.blocks.{block[2]}.'
    return under(prefix, rename(key[block.end() :], _SEW_BLOCK))


def ms_resnet_key(key: str) -> str | None:
    """Rename a key of ``ResNet_origin_18`` or ``ResNet_104``; None if unknown."""
    block = re.match(r'conv(\d)_x\.(\d+)\.', key)
    if block is None:
        return rename(key, _MS_STEM)
    prefix = f'stages.{int(block[1]) - 1}.blocks.{block[2]}.'
    return under(prefix, rename(key[block.end() :], _MS_BLOCK))


SEW_RESNET = Family(
    name='SEW-ResNet or Spiking-ResNet',
    recognises=any_key(r'(^|\.)layer1\.0\.conv1\.(module\.)?0\.weight$'),
    rename=sew_resnet_key,
    prefix='backbone.',
    heads=_HEADS,
)

MS_RESNET = Family(
    name='MS-ResNet',
    recognises=any_key(r'(^|\.)conv2_x\.0\.residual_function\.2\.bn\.weight$'),
    rename=ms_resnet_key,
    prefix='backbone.',
    heads=_HEADS,
)
