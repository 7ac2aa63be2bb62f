"""Our modules for SpikingResformer and for the large models of Spike-driven Transformer V3."""

from collections.abc import Callable

from classifier import Classifier
from golden import Golden, Twin, numbered
from torch import Tensor

from spikedense.converters import dssa_key
from spikedense.converters import spikingresformer as families
from spikedense.converters.sdtv3_large import SDT_LARGE_BACKBONE
from spikedense.models.backbones import SDTV3Large, SpikingResformer
from spikedense.models.cls_heads import SpikeClsHead
from spikedense.models.layers import DualSpikeSelfAttention, over_time

LIF = dict(type='LIF', surrogate=dict(type='ATan', alpha=2.0))
#: Neuron of the large models, each step from rest.
HALF_UP = dict(type='NILIF', D=4, rounding='half_up', window='open', stateful=False)


def spikingresformer(golden: Golden) -> Twin:
    """All stages, and logits that are not averaged over time."""
    args = golden.constructor
    arch = dict(
        embed_dims=args['planes'],
        num_heads=args['num_heads'],
        depths=[len(layers) // 2 for layers in args['layers']],
    )
    backbone = SpikingResformer(arch, args['group_size'], T=args['T'])
    head = SpikeClsHead(args['planes'][-1], args['num_classes'], neuron_at='nowhere', bias=False)
    model = Classifier(backbone, head)

    def call(x: dict[str, Tensor]) -> dict[str, Tensor]:
        feats = model.backbone(x['x'])
        return numbered((*feats, over_time(head.fc, head.pre_logits(feats))))

    return Twin(model, (families.SPIKINGRESFORMER,), call)


def dssa(golden: Golden) -> Twin:
    """The attention alone, in training."""
    args = golden.constructor
    module = DualSpikeSelfAttention(
        args['dim'], args['num_heads'], args['patch_size'], neuron_cfg=LIF, norm_cfg=dict(type='BN')
    )

    def call(x: dict[str, Tensor]) -> dict[str, Tensor]:
        # The official module has the shortcut inside.
        return numbered((x['x'] + module(x['x']),))

    return Twin(module, dssa_key, call)


def sdtv3_large(golden: Golden) -> Twin:
    """All stages, the last one as tokens, and the logits."""
    args = golden.constructor
    arch = dict(
        embed_dims=args['embed_dim'],
        depths=(1, 1, 2, args['depths']),
        num_heads=args['num_heads'],
        stacked_conv=args['choice'] == 'base',
    )
    backbone = SDTV3Large(arch, args['mlp_ratios'], T=args['T'], neuron_cfg=HALF_UP)
    head = SpikeClsHead(
        args['embed_dim'][-1],
        args['num_classes'],
        distilled=args['kd'],
        neuron_cfg=dict(HALF_UP, norm=1),
        neuron_at='second' if args['kd'] else 'nowhere',
    )
    model = Classifier(backbone, head)

    def call(x: dict[str, Tensor]) -> dict[str, Tensor]:
        *feats, last, logits = model(x['x'])
        return numbered((*feats, last.flatten(3), logits))

    return Twin(model, (SDT_LARGE_BACKBONE,), call)


#: Repository and official class -> builder.
SPIKINGRESFORMER: dict[tuple[str, str], Callable[[Golden], Twin]] = {
    ('SpikingResformer', 'SpikingResformer'): spikingresformer,
    ('SpikingResformer', 'DSSA'): dssa,
    ('Spike-Driven-Transformer-V3', 'Spikformer'): sdtv3_large,
}
