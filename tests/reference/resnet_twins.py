"""Our modules for the official residual networks: SEW-ResNet, Spiking-ResNet, MS-ResNet."""

from collections.abc import Callable
from typing import Any

from classifier import Classifier
from golden import Golden, Twin
from torch import nn

from spikedense.converters.resnet import MS_RESNET, SEW_RESNET
from spikedense.models.backbones import MSResNet, SEWResNet, SpikingResNet
from spikedense.models.cls_heads import SpikeClsHead


def classifier(golden: Golden, backbone: nn.Module, **kwargs: Any) -> Classifier:
    """A backbone with a classifier of the golden's shape."""
    classes, width = golden.keys['fc.weight']
    return Classifier(backbone, SpikeClsHead(width, classes, **kwargs))


def post_neuron(golden: Golden) -> Twin:
    """SEW-ResNet or Spiking-ResNet."""
    args = golden.constructor
    arch = dict(depths=args['layers'], bottleneck=args['block'] == 'Bottleneck')
    if 'connect_f' in args:
        backbone: nn.Module = SEWResNet(arch, args['connect_f'], args['T'])
    else:
        backbone = SpikingResNet(arch, args['T'])
    model = classifier(golden, backbone, neuron_at='nowhere')
    return model.twin(SEW_RESNET)


def membrane(golden: Golden) -> Twin:
    """MS-ResNet; some goldens hold the stem, too."""
    args = golden.constructor
    deep = args['block'] == 'BasicBlock_104'
    stem = len([key for key in golden.arrays if key.startswith('out')]) == 6
    backbone = MSResNet(
        dict(depths=args['num_block'], deep_stem=deep, avg_down=deep),
        args['time_window'],
        out_indices=range(5) if stem else range(1, 5),
    )
    model = classifier(golden, backbone, neuron_cfg=dict(type='StrictLIF'), neuron_at='map')
    return model.twin(MS_RESNET)


#: Repository and official class -> builder.
RESNETS: dict[tuple[str, str], Callable[[Golden], Twin]] = {
    ('Spike-Element-Wise-ResNet', 'SEWResNet'): post_neuron,
    ('Spike-Element-Wise-ResNet', 'SpikingResNet'): post_neuron,
    ('MS-ResNet', 'ResNet_origin_18'): membrane,
    ('MS-ResNet', 'ResNet_104'): membrane,
}


def sew_size(entry: dict[str, Any]) -> nn.Module:
    """The published size of SEW-ResNet with these depths and the width of this classifier."""
    wide = entry['classifier'] > 10**6
    sizes = SEWResNet.arch_zoo.items()
    (arch,) = (
        name
        for name, size in sizes
        if list(size['depths']) == entry['layers'] and size['bottleneck'] == wide
    )
    return SEWResNet(arch)


def ms_size(entry: dict[str, Any]) -> nn.Module:
    """The published size of MS-ResNet with these depths."""
    sizes = MSResNet.arch_zoo.items()
    (arch,) = (name for name, size in sizes if list(size['depths']) == entry['num_block'])
    return MSResNet(arch)


#: Repository and official class -> builder of the backbone of an entry of params.json.
RESNET_SIZES: dict[tuple[str, str], Callable[[dict[str, Any]], nn.Module]] = {
    ('Spike-Element-Wise-ResNet', 'SEWResNet'): sew_size,
    ('MS-ResNet', 'ResNet_origin_18'): ms_size,
    ('MS-ResNet', 'ResNet_104'): ms_size,
}
