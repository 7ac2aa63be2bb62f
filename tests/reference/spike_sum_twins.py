"""Our modules for Spikformer and QKFormer."""

from collections.abc import Callable
from typing import Any

from golden import Golden, Twin, numbered
from torch import Tensor, nn

from spikedense.converters import QKFORMER, SPIKFORMER, Family
from spikedense.converters.sdt import SDT_CLASSIFIER
from spikedense.models.backbones import QKFormer, SpikeBackbone, Spikformer
from spikedense.models.cls_heads import SpikeClsHead


class Classifier(nn.Module):
    """Backbone and classification head."""

    def __init__(self, backbone: SpikeBackbone, num_classes: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = SpikeClsHead(backbone.out_channels[-1], num_classes, neuron_at='nowhere')


def twin(
    golden: Golden,
    backbone: SpikeBackbone,
    family: Family,
    maps: Callable[[tuple[Tensor, ...]], list[Tensor]],
) -> Twin:
    """A classifier that the families of the package convert.

    Args:
        golden: the case.
        backbone: its backbone.
        family: converts the keys of the backbone.
        maps: what the golden shows of the backbone, given the features.
    """
    model = Classifier(backbone, golden.constructor['num_classes'])

    def call(x: dict[str, Tensor]) -> dict[str, Tensor]:
        features = backbone(x['x'])
        return numbered([*maps(features), model.head(features)])

    return Twin(model, family.convert_key, call, families=(family, SDT_CLASSIFIER))


def spikformer(golden: Golden) -> Twin:
    """The stem, the last block and the logits. The network for CIFAR gives tokens, not maps."""
    args = golden.constructor
    arch = dict(
        embed_dims=(args['embed_dims'],), depths=(args['depths'],), num_heads=args['num_heads']
    )
    cifar = 'block.0.attn.q_linear.weight' in golden.keys
    if cifar:
        arch.update(pooling_stat='0011', qkv_bias=True)
    backbone: Any = Spikformer(arch, T=args['T'])
    stem: list[Tensor] = []
    backbone.stages[0].downsample[-1].register_forward_hook(lambda *seen: stem.append(seen[2]))

    def maps(features: tuple[Tensor, ...]) -> list[Tensor]:
        both = [stem.pop(), *features]
        return [x.flatten(3).transpose(2, 3) for x in both] if cifar else both

    return twin(golden, backbone, SPIKFORMER, maps)


def qkformer(golden: Golden) -> Twin:
    """The three stages and the logits; in a batch, the neuron of the released code."""
    args = golden.constructor
    width = args['embed_dims']
    arch = dict(
        embed_dims=(width // 4, width // 2, width),
        depths=(1, 2, args['depths'] - 3),
        num_heads=args['num_heads'],
    )
    images = next(iter(golden.meta['inputs'].values())) if golden.arrays else dict(shape=(1,))
    batch = images['shape'][0]
    backbone = QKFormer(arch, T=args['T'], legacy_folded_proj=batch > 1)
    return twin(golden, backbone, QKFORMER, list)


#: Repository and class -> builder.
SPIKE_SUMS: dict[tuple[str, str], Callable[[Golden], Twin]] = {
    ('spikformer', 'Spikformer'): spikformer,
    ('QKFormer', 'hierarchical_spiking_transformer'): qkformer,
}


def _cifar_or_imagenet(row: dict[str, Any]) -> SpikeBackbone:
    name = f'{row["depths"]}-{row["embed_dims"]}'
    return Spikformer(name if name in Spikformer.arch_zoo else f'cifar-{name}')


#: The same -> our backbone, by a row of published parameter counts.
SIZES: dict[tuple[str, str], Callable[[dict[str, Any]], SpikeBackbone]] = {
    ('spikformer', 'Spikformer'): _cifar_or_imagenet,
    ('QKFormer', 'hierarchical_spiking_transformer'): lambda row: QKFormer(
        f'{row["depths"]}-{row["embed_dims"]}'
    ),
}
