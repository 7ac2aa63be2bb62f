"""Our modules for the backbones and classifiers of the receptive-field paper (ST-ERF)."""

import re
from collections.abc import Callable
from typing import Any

from classifier import Classifier
from golden import Golden, Twin, numbered
from torch import Tensor

from spikedense.converters import backbone_key
from spikedense.converters.sdt import SDT_BACKBONE
from spikedense.models.backbones import SDTV3
from spikedense.models.cls_heads import SpikeClsHead

MIXERS = {'ChannelMLP': 'MLPixer', 'splash': 'SRB', 'SepConv': 'ChannelConv'}
#: Taps by the folder of the code.
TAPS = {'seg': (0, 1, 2, 4), 'det': (1, 2, 3, 4), 'erf_compute': (4,)}
#: The model of the published maps: another file of the folder erf_compute, with another scale.
FILE_OF_MAPS = 'models/sdtv3.py'


def official_class(golden: Golden) -> str:
    """The class, which a golden of maps names in its first note."""
    return golden.official_class[1] or re.search(r'class (\w+)', golden.meta['notes'][0])[1]


def network(golden: Golden) -> Twin:
    """A backbone of the folder det or seg, or a classifier of any folder."""
    args, source = golden.constructor, golden.meta['source']
    folder = source.partition(', ')[2].partition('/')[0]
    of_maps = FILE_OF_MAPS in str(golden.meta.get('notes'))
    wide = folder == 'erf_compute' and not of_maps
    neuron: dict[str, Any] = dict(type='NILIF', D=8 if wide else 4, stateful=False)
    widths, heads = args['embed_dim'], args['num_heads']
    scales = [dict(scale=(width // heads) ** -0.5) if of_maps else {} for width in widths[2:]]
    mixer = dict(type=MIXERS[official_class(golden).rpartition('_')[2]])
    backbone = SDTV3(
        dict(embed_dims=widths, num_heads=heads),
        mlp_ratio=args['mlp_ratios'],
        channel_mixer=[mixer] * 3 + [{}] * 2,
        attn_cfg=[None] * 3 + scales,
        neuron_cfg=neuron,
        out_indices=TAPS[folder],
    )
    if 'num_classes' in args:
        head = SpikeClsHead(
            args['embed_dim'][-1], args['num_classes'], neuron_cfg=dict(neuron, norm=1)
        )
        model = Classifier(backbone, head)
        return Twin(model, (SDT_BACKBONE,), lambda x: numbered(model(x['x'])[-1]))
    # The maps of the folder seg have no time axis.
    without_time = folder == 'seg'

    def call(x: dict[str, Tensor]) -> dict[str, Tensor]:
        return numbered([out[0] if without_time else out for out in backbone(x['x'])])

    return Twin(backbone, backbone_key, call)


#: Official class -> builder.
ST_ERF: dict[str, Callable[[Golden], Twin]] = {
    'Spiking_vit_MetaFormer_Spike_SepConv': network,
    'Spiking_vit_MetaFormer_Spike_SepConv_ChannelMLP': network,
    'Spiking_vit_MetaFormer_Spike_SepConv_splash': network,
}
