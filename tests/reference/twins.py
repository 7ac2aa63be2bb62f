"""Our modules for the official classes, built from a golden's constructor arguments."""

from collections.abc import Callable
from typing import Any

from classifier import Classifier
from detection_twins import DETECTION
from golden import Golden, Twin, numbered
from mae_twins import MAE
from resnet_twins import RESNETS
from spike2former_twins import SPIKE2FORMER
from spike_sum_twins import SPIKE_SUMS
from spikingresformer_twins import SPIKINGRESFORMER
from st_erf_twins import ST_ERF
from torch import Tensor, nn
from transformer_twins import TRANSFORMERS

from spikedense.converters import (
    backbone_key,
    block_key,
    fpn_head_key,
    fpn_neck_key,
    rep_conv_key,
)
from spikedense.converters.sdt import SDT_BACKBONE
from spikedense.models.backbones import SDTV2, SDTV3
from spikedense.models.cls_heads import SpikeClsHead
from spikedense.models.decode_heads import SpikeFPNHead
from spikedense.models.layers import RepConv
from spikedense.models.necks import SpikeFPN
from spikedense.registry import MODELS

BN = dict(type='BN')
LIF = dict(type='LIF')
#: Neuron of Spike2Former as released: D = 8, every element a step of its own.
Q_IF = dict(type='NILIF', D=8, stateful=False)
SFA = dict(type='NILIF', D=4, stateful=False)
RAW_INTEGER = dict(type='NILIF', D=4, norm=1, stateful=False)

TWINS: dict[tuple[str, str], Callable[[Golden], Twin]] = {
    **MAE,
    **RESNETS,
    **{('Spike2Former', cls): build for cls, build in SPIKE2FORMER.items()},
    **{('Spatial-temporal-ERF', cls): build for cls, build in {**DETECTION, **ST_ERF}.items()},
    **SPIKE_SUMS,
    **SPIKINGRESFORMER,
    **TRANSFORMERS,
}


def twin(repository: str, *classes: str) -> Callable:
    """Registers the builder of a twin for official classes."""

    def register(build: Callable[[Golden], Twin]) -> Callable[[Golden], Twin]:
        TWINS.update({(repository, cls): build for cls in classes})
        return build

    return register


def arch(args: dict[str, Any]) -> dict[str, Any]:
    """Arguments of a backbone that say its architecture, from official ones."""
    return dict(
        arch=dict(embed_dims=args['embed_dim'], num_heads=args['num_heads']),
        in_channels=args.get('in_channels', 3),
    )


def classifier(golden: Golden, backbone: nn.Module, neuron_cfg: dict) -> Classifier:
    """Puts a classifier of the golden's shape on a backbone."""
    head = SpikeClsHead(
        golden.constructor['embed_dim'][-1],
        golden.keys['head.weight'][0],
        distilled='head_kd.weight' in golden.keys,
        neuron_cfg=neuron_cfg,
    )
    return Classifier(backbone, head)


@twin('Spike-Driven-Transformer-V2', 'Spiking_vit_MetaFormer')
def sdtv2_classifier(golden: Golden) -> Twin:
    """LIF classifier; the golden of all five stages returns these instead of the logits."""
    args = golden.constructor
    outs = [k for k in golden.arrays if k.startswith('out')]
    stages = len(outs) == 5
    out_indices = range(5) if stages else (4,)
    T = args.get('T', 1)
    model = classifier(golden, SDTV2(**arch(args), T=T, out_indices=out_indices), LIF)
    run = model.backbone if stages else model
    return Twin(model, (SDT_BACKBONE,), lambda x: numbered(run(x['x'])))


@twin('Spike-Driven-Transformer-V3', 'Spiking_vit_MetaFormer_Spike_SepConv')
def sdtv3_classifier(golden: Golden) -> Twin:
    """Integer classifier, without a time axis; the last neuron is not divided."""
    backbone = SDTV3(**arch(golden.constructor), neuron_cfg=SFA, out_indices=(4,))
    model = classifier(golden, backbone, RAW_INTEGER)

    def call(x: dict[str, Tensor]) -> dict[str, Tensor]:
        feature, logits = model(x['x'])
        return numbered((feature[0], logits))

    return Twin(model, (SDT_BACKBONE,), call)


@twin('Spike-Driven-Transformer-V3', 'Spiking_vit_MetaFormer')
def sdtv2_lif_dense(golden: Golden) -> Twin:
    """LIF segmentation backbone."""
    args = golden.constructor
    return v2_dense(SDTV2(**arch(args), T=args['T']), args['decode_mode'])


@twin('Spike2Former', 'Spiking_vit_MetaFormer')
def sdtv2_nilif_dense(golden: Golden) -> Twin:
    """NI-LIF segmentation backbone. A second input goes through without a reset in between."""
    args = golden.constructor
    streams = len(golden.meta['inputs']) > 1
    # The released neuron does not leak, and its reset is part of the graph.
    carry = dict(keep_state=True, beta=1.0, detach_reset=False) if streams else {}
    backbone = SDTV2(**arch(args), T=args['T'], neuron_cfg=dict(Q_IF, **carry))
    return v2_dense(backbone, args['decode_mode'])


def v2_dense(backbone: SDTV2, decode_mode: str) -> Twin:
    """``snn`` averages over T and keeps the axis, ``Qsnn`` returns all, others flatten T into B."""
    shape: dict[str, Callable[[Tensor], Tensor]] = {
        'snn': lambda x: x.mean(0, keepdim=True),
        'Qsnn': lambda x: x,
    }
    reshape = shape.get(decode_mode, lambda x: x.flatten(0, 1))

    def call(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        return numbered([reshape(out) for x in inputs.values() for out in backbone(x)])

    return Twin(backbone, backbone_key, call)


@twin('Spike2Former', 'Spiking_vit_MetaFormerv2')
@twin('Spike-Driven-Transformer-V3', 'Spiking_vit_MetaFormerv2')
def sdtv3_dense(golden: Golden) -> Twin:
    """Integer segmentation backbone. Two models share the name: their keys tell them apart."""
    args = golden.constructor
    plain_maps = golden.official_class[0] == 'Spike-Driven-Transformer-V3'
    scaled = any('layer_scale' in k for k in golden.keys)
    backbone = SDTV3(
        **arch(args),
        T=1 if plain_maps else args['T'],
        neuron_cfg=SFA,
        layer_scale=1e-6 if scaled else None,
        out_indices=(0, 1, 2, 4) if args['decode_mode'] == 'QTrick' else (4,),
    )

    def call(x: dict[str, Tensor]) -> dict[str, Tensor]:
        outs = [out[0] if plain_maps else out for out in backbone(x['x'])]
        return numbered(outs)

    return Twin(backbone, backbone_key, call)


@twin('Spike-Driven-Transformer-V3', 'SDEFormer')
def sdeformer(golden: Golden) -> Twin:
    """Detection backbone: the same network, other taps."""
    backbone = SDTV3(**arch(golden.constructor), neuron_cfg=SFA, out_indices=(1, 2, 3, 4))
    return Twin(backbone, backbone_key, lambda x: numbered(backbone(x['x'])))


@twin('Spike2Former', 'RepConv')
def rep_conv(golden: Golden) -> Twin:
    """Re-parameterised convolution alone."""
    args = golden.constructor
    module = RepConv(args['in_channel'], args['out_channel'], BN)
    return Twin(module, rep_conv_key, lambda x: numbered(module(x['x'])))


@twin('Spike2Former', 'MS_Block')
def transformer_block(golden: Golden) -> Twin:
    """A transformer block of the NI-LIF backbone."""
    args = golden.constructor
    dim = args['dim']
    family = SDTV2(
        dict(embed_dims=(8, 8, dim, dim), depths=(0, 0, 0, 1, 0), num_heads=args['num_heads']),
        neuron_cfg=Q_IF,
        mlp_ratio=args['mlp_ratio'],
    )
    block = family.stages[3].blocks[0]
    return Twin(block, block_key, lambda x: numbered(block(x['x'])))


def levels(inputs: dict[str, Tensor]) -> list[Tensor]:
    """Feature maps, finest first."""
    return [inputs[k] for k in sorted(inputs)]


@twin('Spike2Former', 'FPN_SNN')
def lif_neck(golden: Golden) -> Twin:
    """LIF neck, with a time axis."""
    args = golden.constructor
    neck = SpikeFPN(
        args['in_channels'],
        args['out_channels'],
        args['num_outs'],
        args.get('add_extra_convs', False),
        neuron_cfg=LIF,
        norm_cfg=args.get('norm_cfg'),
    )
    return Twin(neck, fpn_neck_key, lambda x: numbered(neck(levels(x))))


@twin('Spatial-temporal-ERF', 'QFPN')
@twin('Spike-Driven-Transformer-V3', 'QFPN')
def integer_neck(golden: Golden) -> Twin:
    """Integer neck on plain maps: convolutions with bias and norm."""
    args = golden.constructor
    neck = SpikeFPN(
        args['in_channels'],
        args['out_channels'],
        args['num_outs'],
        bias=True,
        neuron_cfg=integer_fpn_neuron(golden),
        norm_cfg=BN,
    )
    return Twin(neck, fpn_neck_key, lambda x: numbered([y[0] for y in neck(levels(x))]))


def integer_fpn_neuron(golden: Golden) -> dict[str, Any]:
    """One repository divides by 4, the other does not."""
    return RAW_INTEGER if golden.official_class[0] == 'Spatial-temporal-ERF' else SFA


@twin('Spike2Former', 'FPNHead_SNN')
def lif_head(golden: Golden) -> Twin:
    """LIF head, with a time axis."""
    return fpn_head(golden, LIF)


@twin('Spatial-temporal-ERF', 'QFPNHead')
@twin('Spike-Driven-Transformer-V3', 'QFPNHead')
def integer_head(golden: Golden) -> Twin:
    """Integer head on plain maps."""
    return fpn_head(golden, integer_fpn_neuron(golden))


def fpn_head(golden: Golden, neuron_cfg: dict[str, Any]) -> Twin:
    """Head of either flavour; dropout is configured upstream but never applied."""
    args = dict(golden.constructor, dropout_ratio=0, neuron_cfg=neuron_cfg)
    args.pop('T', None)
    args['loss_decode'] = dict(args['loss_decode'], type='mmseg.CrossEntropyLoss')
    head = MODELS.build(dict(type='spikedense.SpikeFPNHead', **args))
    assert isinstance(head, SpikeFPNHead)
    return Twin(head, fpn_head_key, lambda x: numbered(head(levels(x))))
