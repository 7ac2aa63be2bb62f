"""Small backbones of all kinds; a new backbone is one line in ``VARIANTS``."""

from typing import Any

from spikedense.models.backbones import SpikeBackbone
from spikedense.models.layers import SpikeBlock, SpikeConv, build_mixer

SMALL = dict(embed_dims=(8, 16, 24, 32), depths=(1, 1, 1, 1, 1), num_heads=2)
ONE_STAGE = dict(embed_dims=(16,), depths=(2,), num_heads=2)
THREE_STAGES = dict(embed_dims=(8, 12, 16), depths=(1, 1, 1), num_heads=2)

RESFORMER = dict(embed_dims=(8, 12, 16), depths=(1, 1, 1), num_heads=(1, 2, 2))


class ThreeStages(SpikeBackbone):
    """Three stages from stride 4 on: neither five of them nor four widths."""

    def __init__(self, **kwargs: Any) -> None:
        widths, depths = (8, 12, 16), (1, 2, 1)
        super().__init__(channels=widths, strides=(4, 8, 16), **kwargs)
        stem = SpikeConv(self.in_channels, 8, 7, 4, norm_cfg=self.norm_cfg)
        downs = [stem, *(SpikeConv(a, b, 3, 2, **self.layer_cfg) for a, b in ((8, 12), (12, 16)))]
        rates = self.drop_path_rates(depths)
        for layer, width, of_stage in zip(downs, widths, rates, strict=True):
            self.add_stage(layer, [self._block(width, rate) for rate in of_stage])

    def _block(self, width: int, rate: float) -> SpikeBlock:
        mlp = build_mixer(dict(type='ChannelMLP', ratio=2), width, **self.layer_cfg)
        return SpikeBlock(width, dict(mlp=mlp), rate)


class OneScale(SpikeBackbone):
    """A single stage, as a plain transformer has it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(channels=(8,), strides=(8,), **kwargs)
        attention = dict(type='SpikeSelfAttention', num_heads=2)
        blocks = [
            SpikeBlock(8, dict(attn=build_mixer(attention, 8, **self.layer_cfg)), rate)
            for rate in self.drop_path_rates([2])[0]
        ]
        self.add_stage(SpikeConv(self.in_channels, 8, 9, 8, norm_cfg=self.norm_cfg), blocks)


VARIANTS: dict[str, dict[str, Any]] = {
    'v2-lif': dict(type='SDTV2', arch=SMALL, neuron_cfg=dict(type='LIF')),
    'v2-nilif': dict(type='SDTV2', arch=SMALL, neuron_cfg=dict(type='NILIF', D=8)),
    'v3': dict(type='SDTV3', arch=SMALL, neuron_cfg=dict(type='NILIF', D=4)),
    'v3-scaled': dict(type='SDTV3', arch=SMALL, neuron_cfg=dict(type='ILIF', D=2), layer_scale=0.5),
    'spikformer': dict(
        type='Spikformer',
        arch=dict(embed_dims=(16,), depths=(2,), num_heads=2, pooling_stat='0110'),
        neuron_cfg=dict(type='NILIF', D=2),
        T=1,
    ),
    'qkformer': dict(
        type='QKFormer', arch=dict(embed_dims=(8, 12, 16), depths=(1, 1, 1), num_heads=2), T=1
    ),
    'sew-resnet': dict(type='SEWResNet', arch=dict(depths=(1, 2, 1), base_channels=8), T=1),
    'spiking-resnet': dict(
        type='SpikingResNet', arch=dict(depths=(1, 1, 1), base_channels=4, bottleneck=True), T=1
    ),
    'ms-resnet': dict(type='MSResNet', arch=dict(depths=(1, 2), base_channels=8), T=1),
    'ms-resnet-deep': dict(
        type='MSResNet',
        arch=dict(depths=(1, 2), base_channels=8, deep_stem=True, avg_down=True),
        T=1,
        out_indices=range(3),
    ),
    'v3-large': dict(
        type='SDTV3Large',
        arch=dict(embed_dims=(16, 24, 32), depths=(1, 1, 1, 1), num_heads=2),
        layer_scale=0.5,
    ),
    'spikingresformer': dict(type='SpikingResformer', arch=RESFORMER, T=2),
    'spikingresformer-nilif': dict(
        type='SpikingResformer', arch=RESFORMER, T=1, neuron_cfg=dict(type='NILIF', D=4)
    ),
    'v1': dict(type='SDTV1', arch=ONE_STAGE, T=1),
    'spikingformer': dict(type='Spikingformer', arch=ONE_STAGE, T=1, neuron_cfg=dict(type='NILIF')),
    'maxformer': dict(type='MaxFormer', arch=THREE_STAGES, T=1),
    'msqkformer': dict(
        type='MSQKFormer', arch=THREE_STAGES, T=1, neuron_cfg=dict(type='NILIF', D=2)
    ),
    'spikeatconv': dict(
        type='SpikeAtConv',
        arch=dict(embed_dims=(8, 12, 16, 24), depths=(1, 2, 1, 1)),
        attn_cfg=dict(head_dim=4, grid_size=2),
        neuron_cfg=dict(type='MBPL', thresholds=[0.5, 1.0]),
    ),
    'stsep': dict(
        type='STSepResNet',
        arch=dict(depths=(1, 1, 1), base_channels=4, bottleneck=True),
        temporal_branch=dict(on_off=True),
    ),
    'three stages': dict(type=ThreeStages),
    'one scale': dict(type=OneScale),
}
