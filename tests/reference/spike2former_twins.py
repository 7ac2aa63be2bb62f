"""Our modules for the official classes of Spike2Former's head."""

from collections.abc import Callable
from typing import Any

import torch
from golden import Golden, Twin, numbered
from mmengine.structures import InstanceData
from torch import Tensor, nn

from spikedense.converters import (
    attention_key,
    block_key,
    decoder_layer_key,
    encoder_layer_key,
    mlp_key,
    pixel_decoder_key,
    query_mlp_key,
    sdda_key,
    sep_conv_key,
    spike2former_head_key,
)
from spikedense.models.decode_heads import Spike2FormerHead
from spikedense.models.layers import (
    ChannelMLP,
    SpikeDrivenDeformableAttention,
    SpikeMultiheadAttention,
    SpikeSelfAttention,
    SpikeSeparableConv,
    map_as_tokens,
    tokens_as_map,
)
from spikedense.models.layers.mask_embed import SpikeMaskEmbed
from spikedense.models.pixel_decoders import (
    SDTELayer,
    SDTEPixelDecoder,
)
from spikedense.models.pixel_decoders.sdte import LegacyChannelMLP
from spikedense.models.transformer_decoders import SpikeDecoderLayer
from spikedense.models.transformer_decoders.spike_decoder import LegacyQueryMLP

#: The released neuron: D = 8, every element a step of its own.
CFG = dict(neuron_cfg=dict(type='NILIF', D=8, stateful=False), norm_cfg=dict(type='BN'))
#: The neuron of the official classes that no model uses.
UNUSED = dict(CFG, neuron_cfg=dict(type='NILIF', D=4, stateful=False))
LEGACY = dict(CFG, legacy_layout=True)

SPIKE2FORMER: dict[str, Callable[[Golden], Twin]] = {}


def spike2former(cls: str) -> Callable:
    """Registers the builder of a twin for an official class."""

    def register(build: Callable[[Golden], Twin]) -> Callable[[Golden], Twin]:
        SPIKE2FORMER[cls] = build
        return build

    return register


def to_map(x: Tensor) -> Tensor:
    """``[T, B, H, W, C] -> [T, B, C, H, W]``."""
    return x.permute(0, 1, 4, 2, 3)


def to_channels_last(x: Tensor) -> Tensor:
    """``[T, B, C, H, W] -> [T, B, H, W, C]``."""
    return x.permute(0, 1, 3, 4, 2)


def queries_to_map(x: Tensor) -> Tensor:
    """``[T, B, Q, C]``, or ``[B, Q, C]`` for all steps, ``-> [T, B, C, 1, Q]``."""
    x = x if x.dim() == 4 else x[None]
    return x.transpose(-2, -1).unsqueeze(-2)


def to_queries(x: Tensor) -> Tensor:
    """``[T, B, C, 1, Q] -> [T, B, Q, C]``."""
    return x.squeeze(-2).transpose(-2, -1)


def on_map(module: nn.Module, rename: Callable[[str], str | None]) -> Twin:
    """A twin whose input and output are channels-last maps."""
    return Twin(module, rename, lambda x: numbered(to_channels_last(module(to_map(x['x'])))))


@spike2former('SepConv_Spike')
def separable_conv(golden: Golden) -> Twin:
    """ESC."""
    args = golden.constructor
    module = SpikeSeparableConv(args['dim'], args['kernel_size'], args['expansion_ratio'], **CFG)
    return on_map(module, sep_conv_key)


def attention_args(args: dict[str, Any]) -> dict[str, Any]:
    """Arguments of SDDA."""
    return dict(num_groups=args['group'], dw_kernel_size=args['dw_kernel_size'])


@spike2former('DCNv3_pytorch')
def deformable_attention(golden: Golden) -> Twin:
    """SDDA."""
    args = golden.constructor
    module = SpikeDrivenDeformableAttention(
        args['channels'], kernel_size=args['kernel_size'], **attention_args(args), **LEGACY
    )
    return on_map(module, sdda_key)


@spike2former('MS_MLP')
def encoder_mlp(golden: Golden) -> Twin:
    """Channel MLP of the encoder."""
    args = golden.constructor
    ratio = args['feedforward_channels'] // args['embed_dims']
    return on_map(LegacyChannelMLP(args['embed_dims'], ratio, **CFG), mlp_key)


def encoder_args(args: dict[str, Any]) -> dict[str, Any]:
    """Arguments of an encoder layer."""
    ffn = args['ffn_cfg']
    return dict(
        mlp_ratio=ffn['feedforward_channels'] // ffn['embed_dims'],
        attn_cfg=attention_args(args['self_attn_cfg']),
    )


@spike2former('DCNDetrTransformerEncoderLayer')
def encoder_layer(golden: Golden) -> Twin:
    """SDTE layer."""
    args = golden.constructor
    module = SDTELayer(args['self_attn_cfg']['embed_dims'], **encoder_args(args), **LEGACY)
    return on_map(module, encoder_layer_key)


def pixel_decoder_args(args: dict[str, Any]) -> dict[str, Any]:
    """Arguments of the pixel decoder, without its channels."""
    encoder = args['encoder']
    return dict(
        encoder=dict(num_layers=encoder['num_layers'], **encoder_args(encoder['layer_cfg']))
    )


@spike2former('DCNTransformerEncoderPixelDecoder')
def pixel_decoder(golden: Golden) -> Twin:
    """Pixel decoder. The golden also has the spikes in front of the encoder's last projection."""
    args = golden.constructor
    channels = {k: args[k] for k in ('in_channels', 'feat_channels', 'out_channels')}
    module = SDTEPixelDecoder(**channels, **pixel_decoder_args(args), **LEGACY)
    spikes: list[Tensor] = []
    top = str(len(args['in_channels']) - 1)
    module.encoder_convs[top].neuron.register_forward_hook(lambda *call: spikes.append(call[-1]))

    def call(x: dict[str, Tensor]) -> dict[str, Tensor]:
        masks, memories = module(levels(x))
        return numbered((masks, spikes.pop(), *memories))

    return Twin(module, pixel_decoder_key, call)


def levels(inputs: dict[str, Tensor]) -> list[Tensor]:
    """Feature maps, finest first."""
    return [inputs[k] for k in sorted(inputs)]


@spike2former('MultiheadAttention')
def attention(golden: Golden) -> Twin:
    """SDCA, or SDSA where the golden has no keys. Positions go to queries and keys."""
    args = golden.constructor
    module = SpikeMultiheadAttention(args['embed_dims'], args['num_heads'], **CFG)

    def call(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        x = {k: queries_to_map(v) for k, v in inputs.items()}
        query = x['q'] + x['qpos']
        key = x['k'] + x['kpos'] if 'k' in x else query
        return numbered(to_queries(module(query, key, x.get('k', x['q']))))

    return Twin(module, attention_key, call)


@spike2former('MSDA_FFN')
def query_mlp(golden: Golden) -> Twin:
    """MLP of the query decoder."""
    args = golden.constructor
    ratio = args['feedforward_channels'] // args['embed_dims']
    module = LegacyQueryMLP(args['embed_dims'], ratio, **CFG)
    return Twin(
        module, query_mlp_key, lambda x: numbered(to_queries(module(queries_to_map(x['x']))))
    )


def decoder_args(args: dict[str, Any]) -> dict[str, Any]:
    """Arguments of a decoder layer."""
    ffn = args['ffn_cfg']
    return dict(
        num_heads=args['cross_attn_cfg']['num_heads'],
        mlp_ratio=ffn['feedforward_channels'] // ffn['embed_dims'],
    )


@spike2former('DetrTransformerDecoderLayer')
def decoder_layer(golden: Golden) -> Twin:
    """Layer of the query decoder."""
    args = golden.constructor
    width = args['cross_attn_cfg']['embed_dims']
    module = SpikeDecoderLayer(width, **decoder_args(args), **LEGACY)

    def call(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        x = {k: queries_to_map(v) for k, v in inputs.items()}
        return numbered(to_queries(module(x['q'], x['qpos'], x['k'], x['kpos'])))

    return Twin(module, decoder_layer_key, call)


class MaskMLP(nn.Module):
    """The three linear layers of a mask embedding, which are no module of their own with us."""

    def __init__(self, embed: SpikeMaskEmbed) -> None:
        super().__init__()
        for name in ('fc1', 'neuron1', 'fc2', 'neuron2', 'fc_out'):
            setattr(self, name, getattr(embed, name))
        self.forward = embed.mlp


class UnusedBlock(nn.Module):
    """A branch of the official decoder that no model uses: tokens are scrambled around it."""

    def __init__(self, branch: nn.Module) -> None:
        super().__init__()
        self.branch = branch

    def forward(self, x: Tensor) -> Tensor:
        """``[T, B, C, 1, Q] -> [T, B, C, 1, Q]``."""
        return x + tokens_as_map(self.branch(map_as_tokens(x)))


@spike2former('SelfAttention')
def unused_self_attention(golden: Golden) -> Twin:
    """Our self-attention, with convolutions that have a bias."""
    args = golden.constructor
    width = args['embed_dims']
    attn = SpikeSelfAttention(width, args['num_heads'], scale=0.1, **UNUSED)
    for layer in (attn.q_conv, attn.k_conv, attn.v_conv, attn.out_proj):
        layer.conv = nn.Conv2d(width, width, 1)
    module = UnusedBlock(attn)

    def call(x: dict[str, Tensor]) -> dict[str, Tensor]:
        return numbered(to_queries(module(queries_to_map(x['q'] + x['qpos']))))

    return Twin(module, lambda key: 'branch.' + block_key(f'attn.{key}')[14:], call)


@spike2former('MLP')
def mask_mlp(golden: Golden) -> Twin:
    """MLP of the mask embedding, or its namesake, which no model uses."""
    args = golden.constructor
    if 'quant_const' not in args:
        ratio = args['feedforward_channels'] // args['embed_dims']
        module = UnusedBlock(ChannelMLP(args['embed_dims'], ratio, **UNUSED))
        return Twin(
            module,
            lambda key: f'branch.{mlp_key(key)}',
            lambda x: numbered(to_queries(module(queries_to_map(x['x'])))),
        )
    embed = SpikeMaskEmbed(
        args['in_dim'], args['out_dim'], 1, shortcut=None, scale=args['quant_const'], **CFG
    )
    module = MaskMLP(embed)
    return Twin(module, lambda key: key, lambda x: numbered(module(x['x'])))


@spike2former('MaskFormerHead')
def mask_former_head(golden: Golden) -> Twin:
    """The whole head; the golden has its outputs, or its losses for a ground truth."""
    args = golden.constructor
    same = ('in_channels', 'num_classes', 'feat_channels', 'out_channels', 'num_queries')
    losses = ('loss_cls', 'loss_mask', 'loss_dice', 'train_cfg')
    decoder = args['transformer_decoder']
    head = Spike2FormerHead(
        **{k: args[k] for k in (*same, *losses)},
        pixel_decoder=dict(
            type='spikedense.SDTEPixelDecoder', **pixel_decoder_args(args['pixel_decoder'])
        ),
        transformer_decoder=dict(
            num_layers=decoder['num_layers'], **decoder_args(decoder['layer_cfg'])
        ),
        **LEGACY,
    )

    def outputs(x: dict[str, Tensor]) -> dict[str, Tensor]:
        return numbered(head(levels(x)))

    def losses_of(x: dict[str, Tensor]) -> dict[str, Tensor]:
        instances, metas = truth(golden)
        predictions = (out.float() for out in head(levels(x)))
        found = head.loss_by_feat(*predictions, instances, metas)
        return numbered([found[key].reshape(1) for key in golden.meta['loss_keys']])

    return Twin(head, spike2former_head_key, losses_of if 'loss_keys' in golden.meta else outputs)


def truth(golden: Golden) -> tuple[list[InstanceData], list[dict]]:
    """The golden's label maps as one mask a class, and what the matcher reads of an image."""
    instances, metas = [], []
    for labels in torch.from_numpy(golden.arrays['gt']).long():
        classes = [c for c in labels.unique().tolist() if c != 255]
        masks = torch.stack([labels == c for c in classes]).long()
        instances.append(InstanceData(labels=torch.tensor(classes), masks=masks))
        metas.append(dict(img_shape=labels.shape, batch_input_shape=labels.shape))
    return instances, metas
