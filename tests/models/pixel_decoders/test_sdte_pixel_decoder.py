"""The pixel decoder: sizes, levels, options."""

import pytest
import torch

from spikedense.models.pixel_decoders import SDTEPixelDecoder

IN_CHANNELS = (4, 8, 8, 12)
ENCODER = dict(num_layers=1, mlp_ratio=2, attn_cfg=dict(num_groups=4))


def decoder(**kwargs) -> SDTEPixelDecoder:
    args = dict(in_channels=IN_CHANNELS, feat_channels=16, out_channels=8, encoder=ENCODER)
    return SDTEPixelDecoder(**{**args, **kwargs})


def pyramid(size: tuple[int, int], T: int = 1) -> list[torch.Tensor]:
    """Maps of a backbone that rounds halves up."""
    maps = []
    for channels in IN_CHANNELS:
        size = tuple(-(-side // 2) for side in size)
        maps.append(torch.randn(T, 2, channels, *size) + 0.5)
    return maps


@pytest.mark.parametrize('size', [(64, 64), (64, 128), (50, 33)])
@pytest.mark.parametrize('T', [1, 2])
def test_sizes(size: tuple[int, int], T: int) -> None:
    maps = pyramid(size, T)
    masks, memories = decoder()(maps)
    assert masks.shape == (T, 2, 8, *maps[0].shape[-2:])
    assert [m.shape for m in memories] == [
        (T, 2, 16, *x.shape[-2:]) for x in (maps[3], maps[2], maps[1])
    ]


def test_plain_maps_are_one_step() -> None:
    module = decoder().eval()
    maps = pyramid((32, 32))
    with_time, _ = module(maps)
    without, _ = module([x[0] for x in maps])
    assert torch.equal(with_time, without)


def test_masks_at_stride_4_need_no_finest_level() -> None:
    module = decoder(mask_level=1)
    maps = pyramid((32, 32))
    masks, memories = module(maps)
    assert masks.shape[-2:] == maps[1].shape[-2:] == memories[-1].shape[-2:]
    assert '0' not in module.lateral_convs
    assert all(p.grad is None for p in module.parameters())


def test_several_levels_are_encoded_by_the_same_layers() -> None:
    one, two = decoder(), decoder(encoder_levels=(2, 3))
    calls = []
    two.encoder[0].register_forward_hook(lambda *call: calls.append(call[-1].shape[-2:]))
    maps = pyramid((32, 32))
    two(maps)
    assert calls == [maps[3].shape[-2:], maps[2].shape[-2:]]
    extra = sum(p.numel() for p in two.parameters()) - sum(p.numel() for p in one.parameters())
    assert extra == sum(p.numel() for p in two.encoder_convs['2'].parameters())


def test_start_is_the_same_rule_for_all_levels() -> None:
    module = decoder(in_channels=(16,) * 4, feat_channels=16)
    module.init_weights()
    bound = (3 / 16) ** 0.5
    for convs in (module.lateral_convs, module.encoder_convs):
        for layer in convs.values():
            assert 0.8 * bound < layer.conv.weight.abs().max() <= bound
            assert layer.conv.bias.abs().max() == 0


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(mask_level=2), r'mask_level=2, expected 0\.\.1'),
        (dict(encoder_levels=(2,)), r'encoder_levels=\(2,\), expected 3'),
    ],
)
def test_wrong_levels_are_told(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        decoder(**options)


def test_wrong_number_of_maps_is_told() -> None:
    with pytest.raises(ValueError, match='got 3 maps, expected 4'):
        decoder()(pyramid((32, 32))[1:])
