"""Our modules for the masked auto-encoder of Spike-driven Transformer V3."""

from collections.abc import Callable

from golden import Golden, Twin
from mmengine.registry import MODELS, DefaultScope
from torch import Tensor

from spikedense.converters import recognised_families

#: Neuron of the large models, each step from rest.
HALF_UP = dict(type='NILIF', D=4, rounding='half_up', window='open', stateful=False)


def auto_encoder(golden: Golden) -> Twin:
    """Tokens of the encoder, every 14th predicted patch and the loss, for given random numbers."""
    args = golden.constructor
    arch = dict(
        embed_dims=args['embed_dim'],
        depths=(1, 1, 2, args['depths']),
        num_heads=args['num_heads'],
        stacked_conv=args['choice'] == 'base',
    )
    cfg = dict(
        type='spikedense.SpikeMAE',
        backbone=dict(
            type='spikedense.SDTV3Large',
            arch=arch,
            T=args['T'],
            mlp_ratio=args['mlp_ratios'],
            neuron_cfg=HALF_UP,
            layer_scale=None,
            out_indices=(3,),
        ),
        neck=dict(
            type='spikedense.MAEDecoder',
            in_channels=args['embed_dim'][-1],
            embed_dims=args['decoder_embed_dim'],
            depth=args['decoder_depth'],
            num_heads=args['decoder_num_heads'],
        ),
        head=dict(
            type='MAEPretrainHead',
            norm_pix=True,
            loss=dict(type='PixelReconstructionLoss', criterion='L2'),
        ),
        permute_tokens=True,
    )
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = MODELS.build(cfg)

    def call(x: dict[str, Tensor]) -> dict[str, Tensor]:
        masking = model.random_masking(x['noise'].detach())
        tokens = model.encode(x['x'], masking)
        pred = model.decode(tokens, masking)
        loss = model.head.loss(pred, x['x'], masking.mask)
        return dict(out0=tokens, out1=pred[:, ::14], out2=loss[None])

    families = recognised_families(golden.empty_state())
    return Twin(model, families, call, untrained=('pos_embed',))


#: Repository and official class -> builder.
MAE: dict[tuple[str, str], Callable[[Golden], Twin]] = {
    ('Spike-Driven-Transformer-V3', 'Spikmae'): auto_encoder,
}
