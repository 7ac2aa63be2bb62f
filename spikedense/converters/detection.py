"""Keys of the official detectors' heads: region proposals, boxes, masks, RetinaNet.

A layer is wrapped as ``Sequential(neuron, SeqToANNContainer(layer))``, which gives keys
``...1.0.*``, and ``...1.0.conv.*`` if the layer is a ConvModule. The neck has the keys of
:mod:`.semantic_fpn`.
"""

from .family import Family, any_key
from .rules import Rule, rename, rename_part, under

_RPN: list[Rule] = [
    (r'rpn_conv\.(\d+)\.1\.0\.conv\.', r'rpn_conv.\1.conv.'),
    (r'rpn_conv\.1\.0\.', 'rpn_conv.0.conv.'),
    (r'(rpn_cls|rpn_reg)\.1\.0\.', r'\1.conv.'),
]

#: In a branch of RetinaNet neurons have even indices and ConvModules odd ones.
_RETINA: list[Rule] = [
    (
        r'(cls_convs|reg_convs)\.(\d+)\.0\.conv\.',
        lambda match: f'{match[1]}.{(int(match[2]) - 1) // 2}.conv.',
    ),
    (r'(retina_cls|retina_reg)\.0\.', r'\1.conv.'),
]

_BBOX: list[Rule] = [
    (r'((?:shared|cls|reg)_convs)\.(\d+)\.1\.0\.conv\.', r'\1.\2.conv.'),
    (r'((?:shared|cls|reg)_convs)\.(\d+)\.1\.0\.bn\.', r'\1.\2.norm.'),
    (r'((?:shared|cls|reg)_fcs)\.(\d+)\.1\.0\.', r'\1.\2.linear.'),
    (r'fc_(cls|reg)\.', r'fc_\1.'),
]

_MASK: list[Rule] = [
    (r'convs\.(\d+)\.1\.0\.conv\.', r'convs.\1.conv.'),
    (r'(upsample|conv_logits)\.1\.0\.', r'\1.conv.'),
]


def rpn_head_key(key: str) -> str | None:
    """Rename a key of ``SpikeRPNHead``; None if unknown."""
    return rename(key, _RPN)


def retina_head_key(key: str) -> str | None:
    """Rename a key of ``SpikeRetinaHead``; None if unknown."""
    return rename(key, _RETINA)


def bbox_head_key(key: str) -> str | None:
    """Rename a key of ``SpikeConvFCBBoxHead``; None if unknown."""
    return rename(key, _BBOX)


def mask_head_key(key: str) -> str | None:
    """Rename a key of ``SpikeFCNMaskHead``; None if unknown."""
    return rename(key, _MASK)


def roi_head_key(key: str) -> str | None:
    """Rename a key of ``SpikeStandardRoIHead`` or ``SpikeCascadeRoIHead``; None if unknown."""
    part, _, rest = key.partition('.')
    heads = {'bbox_head': bbox_head_key, 'mask_head': mask_head_key}
    if part not in heads:
        return None
    stage, _, inner = rest.partition('.')
    if stage.isdigit():  # a cascade has a list of heads
        return under(f'{part}.{stage}.', heads[part](inner))
    return under(f'{part}.', heads[part](rest))


def detector_key(key: str) -> str | None:
    """Rename a key below ``rpn_head.``, ``roi_head.`` or ``bbox_head.``; None if unknown."""
    return rename_part(
        key,
        {
            'rpn_head': ('rpn_head.', rpn_head_key),
            'roi_head': ('roi_head.', roi_head_key),
            'bbox_head': ('bbox_head.', retina_head_key),
        },
    )


DETECTION = Family(
    name='spiking detector',
    recognises=any_key(
        r'(^|\.)(rpn_head\.rpn_cls\.1\.0|bbox_head\.retina_cls\.0'
        r'|roi_head\.bbox_head\.(\d+\.)?\w+_(convs|fcs)\.\d+\.1\.0(\.conv)?'
        r'|roi_head\.mask_head\.(\d+\.)?convs\.\d+\.1\.0\.conv)\.weight$'
    ),
    rename=detector_key,
)
