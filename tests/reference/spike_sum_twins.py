"""Our modules for Spikformer and QKFormer."""

from collections.abc import Callable
from typing import Any

from classifier import Classifier
from golden import Golden, Twin, numbered
from torch import Tensor

from spikedense.converters.transformers import QKFORMER, SPIKFORMER
from spikedense.models.backbones import QKFormer, SpikeBackbone, Spikformer
from spikedense.models.cls_heads import SpikeClsHead


def classifier(golden: Golden, backbone: SpikeBackbone, **kwargs: Any) -> Classifier:
    """A backbone with a classifier of the golden's shape."""
    classes = golden.constructor['num_classes']
    head = SpikeClsHead(backbone.out_channels[-1], classes, neuron_at='nowhere')
    return Classifier(backbone, head, **kwargs)


def spikformer(golden: Golden) -> Twin:
    """The stem, the last block and the logits. The network for CIFAR gives tokens, not maps."""
    args = golden.constructor
    arch = dict(
        embed_dims=(args['embed_dims'],), depths=(args['depths'],), num_heads=args['num_heads']
    )
    cifar = 'block.0.attn.q_linear.weight' in golden.keys
    if cifar:
        arch.update(pooling_stat='0011', qkv_bias=True)
    model = classifier(golden, Spikformer(arch, T=args['T']), with_stem=True)

    def call(x: dict[str, Tensor]) -> dict[str, Tensor]:
        *maps, logits = model(x['x'])
        if cifar:
            maps = [x.flatten(3).transpose(2, 3) for x in maps]
        return numbered([*maps, logits])

    return Twin(model, (SPIKFORMER,), call)


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
    return classifier(golden, backbone).twin(QKFORMER)


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
