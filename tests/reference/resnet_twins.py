"""Our modules for the official residual networks: SEW-ResNet, Spiking-ResNet, MS-ResNet."""

from collections.abc import Callable
from typing import Any

from golden import Golden, Twin, numbered
from torch import Tensor, nn

from spikedense.converters import ms_resnet_key, resnet_classifier_key, sew_resnet_key
from spikedense.converters.rules import under
from spikedense.models.backbones import MSResNet, SEWResNet, SpikingResNet
from spikedense.models.cls_heads import SpikeClsHead


class Classifier(nn.Module):
    """Backbone and classification head."""

    def __init__(self, backbone: nn.Module, golden: Golden, **kwargs: Any) -> None:
        super().__init__()
        classes, width = golden.keys['fc.weight']
        self.backbone = backbone
        self.head = SpikeClsHead(width, classes, **kwargs)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Returns the features and the logits."""
        feats = self.backbone(x)
        return (*feats, self.head(feats))


def twin(model: Classifier, backbone_key: Callable[[str], str | None]) -> Twin:
    """The twin of a classifier whose backbone has these keys."""

    def key(official: str) -> str | None:
        return under('backbone.', backbone_key(official)) or resnet_classifier_key(official)

    return Twin(model, key, lambda x: numbered(model(x['x'])))


def post_neuron(golden: Golden) -> Twin:
    """SEW-ResNet or Spiking-ResNet."""
    args = golden.constructor
    arch = dict(depths=args['layers'], bottleneck=args['block'] == 'Bottleneck')
    if 'connect_f' in args:
        backbone: nn.Module = SEWResNet(arch, args['connect_f'], args['T'])
    else:
        backbone = SpikingResNet(arch, args['T'])
    return twin(Classifier(backbone, golden, neuron_at='nowhere'), sew_resnet_key)


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
    head = dict(neuron_cfg=dict(type='StrictLIF'), neuron_at='map')
    return twin(Classifier(backbone, golden, **head), ms_resnet_key)


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
