"""The spiking masked auto-encoder: what is masked is not seen, what is not masked is dense."""

from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.registry import MODELS, DefaultScope
from torch.nn.modules.batchnorm import _BatchNorm

from spikedense.errors import UserError
from spikedense.models.backbones import SDTV3, SDTV3Large, SpikeBackbone
from spikedense.models.layers import SpikeConv
from spikedense.models.layers.masked_conv import MaskedSpikeConv, PatchMask
from spikedense.models.selfsup import SpikeMAE

LARGE = dict(embed_dims=(16, 16, 32), depths=(1, 1, 1, 1), num_heads=2)
PYRAMID = dict(embed_dims=(8, 16, 24, 32), depths=(1, 1, 1, 1, 1), num_heads=2)
BACKBONES = {
    'SDTV3Large': dict(arch=LARGE, layer_scale=None, out_indices=(3,)),
    'SDTV3': dict(arch=PYRAMID, T=2, out_indices=(4,)),
}
SIDE, PATCHES = 64, 16


def build(name: str = 'SDTV3Large', norm_pix: bool = True, **kwargs: Any) -> SpikeMAE:
    """A small auto-encoder in float64, whose norms have seen an image."""
    torch.manual_seed(0)
    backbone = dict(BACKBONES[name], **kwargs.pop('backbone', {}))
    cfg = dict(
        type='spikedense.SpikeMAE',
        backbone=dict(type=f'spikedense.{name}', **backbone),
        neck=dict(
            type='spikedense.MAEDecoder',
            in_channels=32,
            num_patches=PATCHES,
            embed_dims=16,
            depth=1,
        ),
        head=dict(
            type='MAEPretrainHead',
            norm_pix=norm_pix,
            loss=dict(type='PixelReconstructionLoss', criterion='L2'),
        ),
    )
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = MODELS.build(dict(cfg, **kwargs)).double()
    for norm in model.modules():
        if isinstance(norm, _BatchNorm):  # neurons fire at all depths
            torch.nn.init.constant_(norm.bias, 0.7)
    return model


def images(batch: int = 2) -> torch.Tensor:
    return torch.randn(batch, 3, SIDE, SIDE, dtype=torch.float64)


@pytest.mark.parametrize('name', BACKBONES)
def test_masked_pixels_leak_nothing(name: str) -> None:
    model = build(name)
    x = images()
    masking = model.random_masking(torch.rand(2, PATCHES))
    assert masking.mask.sum(1).tolist() == [PATCHES / 2] * 2
    masked = masking.mask.unflatten(1, (4, 4))[:, None].bool()
    masked = masked.repeat_interleave(16, 2).repeat_interleave(16, 3)
    seen: list[torch.Tensor] = []
    for layer in model.modules():
        if isinstance(layer, MaskedSpikeConv):
            layer.register_forward_hook(lambda _, __, out: seen.append(out.detach()))
    tokens = model.encode(x, masking)  # in training: norms look at the batch
    for out in seen:
        times = out.size(-1) / SIDE
        grid = torch.nn.functional.interpolate(masked.double(), scale_factor=times)[None]
        assert not (out * grid).any(), 'a masked position is not zero'
        assert out.any()
    other = model.encode(torch.where(masked, images(), x), masking)
    assert torch.equal(tokens, other)
    changed = model.encode(torch.where(masked, x, images()), masking)
    assert not torch.equal(tokens, changed)


@pytest.mark.parametrize('training', [True, False])
def test_nothing_masked_is_the_dense_backbone(training: bool) -> None:
    model, x = build().train(training), images()
    dense = SDTV3Large(**BACKBONES['SDTV3Large']).double().train(training)
    dense.load_state_dict(model.backbone.state_dict())
    (feature,) = dense(x)
    expected = model.norm(feature[0]).flatten(2).transpose(1, 2)
    everything = model.random_masking(torch.rand(2, PATCHES))._replace(
        visible=torch.rand(2, PATCHES).argsort(1)  # in any order
    )
    for tokens in (model.extract_feat(x), model.encode(x, everything)):
        torch.testing.assert_close(tokens, expected, rtol=1e-9, atol=1e-9)


def test_a_norm_sees_visible_positions_alone() -> None:
    layer, mask = SpikeConv(3, 4, 3, norm_cfg=dict(type='BN')).double(), PatchMask()
    masked = MaskedSpikeConv(layer, mask)
    x = torch.randn(2, 1, 3, 8, 8, dtype=torch.float64)  # [T, B, C, H, W]
    x[..., 4:, :] = 0
    mask.visible, mask.grid = torch.tensor([[1, 0]]), (2, 2)
    out = masked(x)
    rows = layer.conv(x.flatten(0, 1))[:, :, :4]
    mean, var = rows.mean((0, 2, 3)), rows.var((0, 2, 3), unbiased=False)
    expected = (rows - mean[:, None, None]) / (var + layer.norm.eps).sqrt()[:, None, None]
    torch.testing.assert_close(out[..., :4, :].flatten(0, 1), expected)
    assert not out[..., 4:, :].any()


def test_checkpointed_blocks_have_the_same_gradients() -> None:
    grads = []
    for with_cp in (False, True):
        model = build(backbone=dict(with_cp=with_cp))
        x = torch.rand(2, 3, SIDE, SIDE, dtype=torch.float64, generator=torch.manual_seed(1))
        model.loss(x)['loss'].backward()
        grads.append({k: p.grad for k, p in model.backbone.named_parameters()})
    assert all(grad is not None and grad.isfinite().all() for grad in grads[0].values())
    torch.testing.assert_close(grads[0], grads[1])


def test_the_encoder_becomes_a_dense_backbone(tmp_path: Path) -> None:
    file = str(tmp_path / 'mae.pth')
    model = build()
    torch.save(dict(state_dict=model.state_dict()), file)
    for prefix in ({}, dict(prefix='backbone.')):
        init_cfg = dict(type='Pretrained', checkpoint=file, **prefix)
        dense = SDTV3Large(**BACKBONES['SDTV3Large'], init_cfg=init_cfg)
        dense.init_weights()
        assert_loaded(dense, model)
    # The scales of the fine-tuned model are not in the file.
    scaled = dict(BACKBONES['SDTV3Large'], layer_scale=1e-6)
    with pytest.raises(UserError, match='scales'):
        SDTV3Large(**scaled, init_cfg=init_cfg).init_weights()
    dense = SDTV3Large(**scaled, init_cfg=dict(init_cfg, partial=True))
    dense.init_weights()
    assert_loaded(dense, model)


def assert_loaded(dense: SpikeBackbone, model: SpikeMAE) -> None:
    state = dense.state_dict()
    for key, value in model.backbone.state_dict().items():
        torch.testing.assert_close(state[key], value.to(state[key].dtype))


@pytest.mark.parametrize('norm_pix', [True, False])
def test_a_reconstruction_changes_masked_pixels_alone(norm_pix: bool) -> None:
    model, x = build(norm_pix=norm_pix).eval(), images()
    mask, filled = model.reconstruct(x, torch.Generator().manual_seed(0))
    assert mask.mean() == 0.5
    torch.testing.assert_close(filled * (1 - mask), x * (1 - mask))
    assert ((filled - x).abs() > 0)[mask.expand_as(x) > 0].double().mean() > 0.99
    again = model.reconstruct(x, torch.Generator().manual_seed(0))
    assert torch.equal(again[1], filled)


def test_tokens_may_be_permuted_as_in_the_release() -> None:
    model = build(permute_tokens=True).eval()
    masking = model.random_masking(torch.rand(1, PATCHES))
    tokens = torch.randn(1, PATCHES, 32, dtype=torch.float64)
    permuted = model.decode(tokens, masking)
    model.permute_tokens = False
    order = masking.ids_restore[0]
    torch.testing.assert_close(permuted, model.decode(tokens[:, order], masking))
    assert sorted(order.tolist()) == list(range(PATCHES))


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(mask_ratio=1.5), 'mask_ratio=1.5, expected a number between 0 and 1'),
        (dict(backbone=dict(out_indices=(2, 3))), 'expected a spiking backbone .* with one output'),
        (
            dict(backbone=dict(out_indices=(2,))),
            'has stride 8, expected the patch_size of the head',
        ),
        (dict(dense_from=4), 'cannot be masked, expected layers of type SpikeConv'),
    ],
)
def test_what_does_not_fit_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(**options)


def test_an_image_of_another_size_is_named() -> None:
    model = build()
    with pytest.raises(ValueError, match='images of 60x64, expected multiples of 16'):
        model.loss(images()[:, :, :60])
    with pytest.raises(ValueError, match='8 patches, expected num_patches=16 of the MAEDecoder'):
        model.loss(images()[:, :, :32])


def test_any_pyramid_can_be_pretrained() -> None:
    model = build('SDTV3')
    assert isinstance(model.backbone, SDTV3)
    model.loss(images())['loss'].backward()
    still = [k for k, p in model.named_parameters() if p.grad is None]
    assert still == []
