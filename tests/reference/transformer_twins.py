"""Our modules for the published transformers with membrane shortcuts."""

from collections.abc import Callable
from typing import Any

from golden import Golden, Twin, numbered
from torch import Tensor, nn

from spikedense.converters import classifier_key, known_families
from spikedense.converters.rules import under
from spikedense.models.backbones import (
    SDTV1,
    MaxFormer,
    MSQKFormer,
    SpikeBackbone,
    Spikingformer,
)
from spikedense.models.cls_heads import SpikeClsHead

FAMILIES = {family.name: family for family in known_families()}


class Taps(nn.Module):
    """Backbone and classification head.

    Args:
        backbone: the backbone.
        head: the head.
        with_stem: whether the output of the first stem is an output, too.
    """

    def __init__(self, backbone: SpikeBackbone, head: SpikeClsHead, with_stem: bool) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head
        self.stems: list[Tensor] = []
        if with_stem:
            # The backbone runs the layers of a stem one by one.
            last = list(backbone.stages[0].downsample)[-1]
            last.register_forward_hook(lambda _, __, out: self.stems.append(out))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Returns the features and the logits."""
        self.stems.clear()
        feats = self.backbone(x)
        return (*self.stems, *feats, self.head(feats))


def classifier(golden: Golden, family: str, backbone: SpikeBackbone, neuron_at: str) -> Twin:
    """A backbone with a classifier of the golden's shape, and the keys of its family."""
    args = golden.constructor
    head = SpikeClsHead(
        args['embed_dims'], args['num_classes'], neuron_cfg=dict(type='LIF'), neuron_at=neuron_at
    )
    model = Taps(backbone, head, with_stem=len(backbone.stages) == 1)
    found = FAMILIES[family]

    def key(official: str) -> str | None:
        return under('backbone.', found.rename(official)) or classifier_key(official)

    return Twin(model, key, lambda x: numbered(model(x['x'])), dropped=found.dropped)


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
    return classifier(golden, 'Spike-driven Transformer V1', backbone, 'vector')


def spikingformer(golden: Golden) -> Twin:
    """Spikingformer."""
    backbone = Spikingformer(**single_stage(golden.constructor))
    return classifier(golden, 'Spikingformer', backbone, 'nowhere')


def maxformer(golden: Golden) -> Twin:
    """Max-Former."""
    backbone = MaxFormer(**three_stages(golden.constructor))
    return classifier(golden, 'Max-Former', backbone, 'vector')


def msqkformer(golden: Golden) -> Twin:
    """MS-QKFormer."""
    backbone = MSQKFormer(**three_stages(golden.constructor))
    return classifier(golden, 'MS-QKFormer', backbone, 'vector')


#: Repository and official class -> builder.
TRANSFORMERS: dict[tuple[str, str], Callable[[Golden], Twin]] = {
    ('Spike-Driven-Transformer', 'SpikeDrivenTransformer'): sdtv1,
    ('Spikingformer', 'vit_snn'): spikingformer,
    ('MaxFormer', 'Max_Former'): maxformer,
    ('MaxFormer', 'MS_QKformer'): msqkformer,
}

#: The same -> our backbone, by a row of published parameter counts.
SIZES: dict[tuple[str, str], Callable[[dict[str, Any]], SpikeBackbone]] = {
    ('Spike-Driven-Transformer', 'SpikeDrivenTransformer'): lambda row: SDTV1(
        f'{row["depths"]}-{row["embed_dims"]}'
    ),
    ('Spikingformer', 'vit_snn'): lambda row: Spikingformer(f'{row["depths"]}-{row["embed_dims"]}'),
    ('MaxFormer', 'Max_Former'): lambda row: MaxFormer(f'{row["depths"]}-{row["embed_dims"]}'),
    ('MaxFormer', 'MS_QKformer'): lambda row: MSQKFormer(f'{row["depths"]}-{row["embed_dims"]}'),
}
