"""Our modules for the published transformers with membrane shortcuts."""

from collections.abc import Callable
from typing import Any

from classifier import Classifier
from golden import Golden, Twin

from spikedense.converters import Family
from spikedense.converters import transformers as families
from spikedense.models.backbones import (
    SDTV1,
    MaxFormer,
    MSQKFormer,
    SpikeBackbone,
    Spikingformer,
)
from spikedense.models.cls_heads import SpikeClsHead


def classifier(golden: Golden, family: Family, backbone: SpikeBackbone, neuron_at: str) -> Twin:
    """A backbone with a classifier of the golden's shape, and the keys of its family."""
    args = golden.constructor
    head = SpikeClsHead(
        args['embed_dims'], args['num_classes'], neuron_cfg=dict(type='LIF'), neuron_at=neuron_at
    )
    model = Classifier(backbone, head, with_stem=len(backbone.stages) == 1)
    return model.twin(family)


def single_stage(args: dict[str, Any]) -> dict[str, Any]:
    """Arguments of a backbone with one stage, from official ones."""
    arch = dict(
        embed_dims=(args['embed_dims'],), depths=(args['depths'],), num_heads=args['num_heads']
    )
    return dict(arch=arch, T=args.get('T', 4), mlp_ratio=args.get('mlp_ratios'))


def three_stages(args: dict[str, Any]) -> dict[str, Any]:
    """Arguments of a backbone with three stages, from official ones."""
    width = args['embed_dims']
    arch = dict(embed_dims=(width // 4, width // 2, width), depths=(1, 2, 7))
    return dict(arch=arch, T=args.get('T', 4), mlp_ratio=args.get('mlp_ratios'))


def sdtv1(golden: Golden) -> Twin:
    """Spike-driven Transformer V1."""
    args = golden.constructor
    backbone = SDTV1(
        **single_stage(args),
        pooling_stat=args['pooling_stat'],
        dvs_mode=args.get('dvs_mode', False),
    )
    return classifier(golden, families.SDTV1, backbone, 'vector')


def spikingformer(golden: Golden) -> Twin:
    """Spikingformer."""
    backbone = Spikingformer(**single_stage(golden.constructor))
    return classifier(golden, families.SPIKINGFORMER, backbone, 'nowhere')


def maxformer(golden: Golden) -> Twin:
    """Max-Former."""
    backbone = MaxFormer(**three_stages(golden.constructor))
    return classifier(golden, families.MAXFORMER, backbone, 'vector')


def msqkformer(golden: Golden) -> Twin:
    """MS-QKFormer."""
    backbone = MSQKFormer(**three_stages(golden.constructor))
    return classifier(golden, families.MSQKFORMER, backbone, 'vector')


#: Repository and official class -> builder.
TRANSFORMERS: dict[tuple[str, str], Callable[[Golden], Twin]] = {
    ('Spike-Driven-Transformer', 'SpikeDrivenTransformer'): sdtv1,
    ('Spikingformer', 'vit_snn'): spikingformer,
    ('MaxFormer', 'Max_Former'): maxformer,
    ('MaxFormer', 'MS_QKformer'): msqkformer,
}

#: The same -> our backbone, by a row of published parameter counts.
SIZES: dict[tuple[str, str], Callable[[dict[str, Any]], SpikeBackbone]] = {
    official: lambda row, cls=cls: cls(f'{row["depths"]}-{row["embed_dims"]}')
    for official, cls in (
        (('Spike-Driven-Transformer', 'SpikeDrivenTransformer'), SDTV1),
        (('Spikingformer', 'vit_snn'), Spikingformer),
        (('MaxFormer', 'Max_Former'), MaxFormer),
        (('MaxFormer', 'MS_QKformer'), MSQKFormer),
    )
}
