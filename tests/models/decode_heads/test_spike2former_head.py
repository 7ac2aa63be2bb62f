"""The whole segmentor: any size, odd ground truths, every way of inference."""

import copy
import itertools
from pathlib import Path

import pytest
import torch
from mmcv.transforms import Compose
from mmengine.config import ConfigDict
from mmengine.dataset import pseudo_collate
from mmengine.registry import MODELS
from PIL import Image
from reduced_models import build_model
from spike2former_models import (
    NUM_CLASSES,
    batch,
    discerning_segmentor,
    losses,
    sample,
    small_config,
    small_segmentor,
)
from torch import Tensor, nn

from spikedense.apis.evaluation import add_tta
from spikedense.neurons import BaseNeuron


def labels(size: tuple[int, int] = (64, 96)) -> Tensor:
    """Stripes of some classes, and a void border."""
    out = torch.arange(size[1]).div(12, rounding_mode='floor').remainder(NUM_CLASSES)
    out = out.expand(size).clone()
    out[:2] = 255
    return out


def predict(model: nn.Module, *truths: Tensor) -> list[Tensor]:
    """Logits of images."""
    torch.manual_seed(1)
    with torch.no_grad():
        results = model.eval().test_step(batch(*truths))
    return [result.seg_logits.data for result in results]


@pytest.mark.parametrize('size', [(64, 64), (50, 71), (33, 100)])
def test_any_size(size: tuple[int, int]) -> None:
    (logits,) = predict(small_segmentor(), labels(size))
    assert logits.shape == (NUM_CLASSES, *size)
    assert logits.isfinite().all() and logits.std() > 0


def test_padding_of_a_test_image_is_cut_off_once() -> None:
    torch.manual_seed(3)
    image = torch.randint(256, (3, 50, 70), dtype=torch.uint8)
    model = discerning_segmentor(image)
    model.data_preprocessor.test_cfg = dict(size_divisor=32)
    data = dict(inputs=[image], data_samples=[sample(image[0].long())])
    with torch.no_grad():
        (found,) = model.test_step(copy.deepcopy(data))
        # The network's input by hand, the prediction at its size, the image's part of it.
        normal = model.data_preprocessor(copy.deepcopy(data), False)['inputs']
        assert normal.shape[2:] == (64, 96)
        (whole,) = model.predict(normal)
    expected = whole.seg_logits.data[:, :50, :70]
    torch.testing.assert_close(found.seg_logits.data, expected)
    assert expected.flatten(1).std(1).max() > 0.1, 'a flat map would hide a shift'


def test_batch_of_mixed_sizes_is_padded() -> None:
    model = small_segmentor()
    found = losses(model, batch(labels((40, 60)), labels((64, 96))))
    total = sum(found.values())
    total.backward()
    assert total.isfinite()
    # Three states (the start and two layers) with three losses each.
    assert sorted(found) == sorted(
        f'decode.{state}loss_{kind}'
        for state in ('', 'd0.', 'd1.')
        for kind in ('cls', 'dice', 'mask')
    )


VOID = torch.full((64, 96), 255)


@pytest.mark.parametrize(
    'truths',
    [(VOID, VOID), (VOID, labels()), (torch.full((64, 96), 3), torch.full((64, 96), 3))],
    ids=['all void', 'one void', 'one class'],
)
def test_poor_ground_truths(truths: tuple[Tensor, ...]) -> None:
    model = small_segmentor()
    found = losses(model, batch(*truths))
    sum(found.values()).backward()
    assert all(value.isfinite() for value in found.values())
    if truths[0] is truths[1]:
        assert found['decode.loss_mask'] == found['decode.loss_dice'] == 0
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


def test_only_the_last_masks_are_computed_for_a_prediction() -> None:
    model = small_segmentor()
    seen = []
    model.decode_head.cls_embed.register_forward_hook(lambda *call: seen.append(call[-1].size(0)))
    predict(model, labels())
    model(torch.randn(1, 3, 64, 96))
    assert seen == [1, 3]


def test_sliding_windows_are_predicted_one_by_one() -> None:
    model = small_segmentor().double()  # in float32 another order of additions may flip a spike
    model.test_cfg = ConfigDict(mode='slide', crop_size=(64, 64), stride=(64, 64))
    torch.manual_seed(0)
    image = torch.randn(1, 3, 64, 128, dtype=torch.float64)
    metas = [dict(img_shape=(64, 128), ori_shape=(64, 128), pad_shape=(64, 128))]
    with torch.no_grad():
        slid = model.inference(image, [dict(metas[0])])
        model.test_cfg = ConfigDict(mode='whole')
        parts = [
            model.inference(part.contiguous(), [dict.fromkeys(metas[0], (64, 64))])
            for part in image.split(64, dim=-1)
        ]
    torch.testing.assert_close(slid, torch.cat(parts, dim=-1))


def test_augmented_copies_are_predicted_one_by_one(tmp_path: Path) -> None:
    truth = labels()
    image = torch.randint(256, (3, *truth.shape), dtype=torch.uint8)
    model = discerning_segmentor(image)
    Image.fromarray(image.permute(1, 2, 0).flip(-1).numpy()).save(tmp_path / 'image.png')  # RGB
    Image.fromarray(truth.byte().numpy()).save(tmp_path / 'labels.png')

    cfg = small_config()
    cfg.pop('tta_pipeline', None)
    add_tta(cfg)
    averaging = MODELS.build(copy.deepcopy(cfg.model)).eval()
    averaging.module.load_state_dict(model.state_dict())
    item = dict(
        img_path=str(tmp_path / 'image.png'),
        seg_map_path=str(tmp_path / 'labels.png'),
        reduce_zero_label=False,
        seg_fields=[],
    )
    data = pseudo_collate([Compose(cfg.test_dataloader.dataset.pipeline)(item)])
    with torch.no_grad():
        (found,) = averaging.test_step(data)

    def alone(copied: Tensor) -> Tensor:
        """Logits of one copy by a model that has seen nothing else."""
        one = dict(inputs=[copied], data_samples=[sample(truth)])
        with torch.no_grad():
            return copy.deepcopy(model).test_step(one)[0].seg_logits.data

    plain, flipped = alone(image), alone(image.flip(-1)).flip(-1)
    mean = (plain.softmax(0) + flipped.softmax(0)) / 2
    maps = [logits.argmax(0) for logits in (plain, flipped, mean)]
    for one, other in itertools.combinations(maps, 2):
        assert (one != other).float().mean() > 0.05, 'they could not be told apart'
    assert torch.equal(found.pred_sem_seg.data[0], maps[-1])
    assert torch.equal(found.gt_sem_seg.data[0], truth)


def test_nothing_is_left_from_the_image_before() -> None:
    model = small_segmentor()
    first = predict(model, labels())[0]
    predict(model, labels((48, 80)))
    assert torch.equal(predict(model, labels())[0], first)


def test_bfloat16_flips_spikes_more_and_more() -> None:
    """A woken net at its worst; docs/training.md has what a trained one loses."""
    model = small_segmentor()
    spikes: dict[nn.Module, list[Tensor]] = {}
    for module in model.modules():
        if isinstance(module, BaseNeuron):
            module.register_forward_hook(
                lambda neuron, _, out: spikes.setdefault(neuron, []).append(out.float())
            )
    x = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        model(x)
        with torch.autocast('cpu', torch.bfloat16):
            classes, masks = model(x)
    assert classes.dtype == masks.dtype == torch.float32
    flips = [(a != b).double().mean().item() for a, b in spikes.values()]
    # Each flip changes what comes behind it, so that they grow with depth.
    assert 0 < flips[0] < 0.05
    assert sum(flips) / len(flips) < 0.5


def test_masked_attention_sees_the_inside_of_masks() -> None:
    plain, masked = small_segmentor(), small_segmentor(masked_attention=True)
    features = plain.decode_head.pixel_decoder.mask_conv.conv
    nn.init.normal_(features.weight)  # masks of both signs
    nn.init.zeros_(features.bias)
    masked.load_state_dict(plain.state_dict())
    x = torch.randn(1, 3, 64, 96)
    visible = []
    masked.decode_head.transformer_decoder.layers[0].cross_attn.register_forward_hook(
        lambda _, args, __: visible.append(args[3])
    )
    with torch.no_grad():
        one, other = plain(x)[1], masked(x)[1]
    assert torch.equal(one[0], other[0]), 'the first queries have seen nothing yet'
    assert not torch.equal(one[1:], other[1:])
    assert visible[0].any(dim=2).all(), 'a query with an empty mask sees everything'
    assert not visible[0].all()


def test_masks_for_the_attention_leave_no_trace_in_the_norms() -> None:
    model = small_segmentor(masked_attention=True).train()
    norm = model.decode_head.mask_embed.shortcut_conv.norm
    norm.momentum = 1.0  # running statistics are those of the last batch
    before, inputs = int(norm.num_batches_tracked), []
    norm.register_forward_pre_hook(lambda _, args: inputs.append(args[0]))
    model(torch.randn(2, 3, 64, 96))
    assert len(inputs) == 3, 'one for each layer, one for the losses'
    assert norm.num_batches_tracked == before + 1
    torch.testing.assert_close(norm.running_mean, inputs[-1].mean((0, 2, 3)))


def test_init_cfg_of_the_head_is_followed() -> None:
    model = small_segmentor(awake=False, init_cfg=dict(type='Constant', val=0.5, layer='Linear'))
    model.init_weights()
    assert (model.decode_head.cls_embed.weight == 0.5).all()
    model = small_segmentor(
        awake=False,
        transformer_decoder=dict(
            num_layers=1, num_heads=4, init_cfg=dict(type='Constant', val=0.5, layer='Conv2d')
        ),
    )
    model.init_weights()
    layer = model.decode_head.transformer_decoder.layers[0]
    assert (layer.cross_attn.q_proj.conv.weight == 0.5).all()
    assert model.decode_head.cls_embed.weight.std() < 0.03


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(num_queries=0), 'num_queries=0, expected at least 1'),
        (dict(in_channels=[8, 16]), r'in_channels=\(8, 16\), expected at least 3 levels'),
    ],
)
def test_impossible_heads_are_told(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small_segmentor(awake=False, **change)


def test_layouts_are_different_functions_of_the_same_weights() -> None:
    clean, legacy = small_segmentor(), small_segmentor(legacy_layout=True)
    legacy.load_state_dict(clean.state_dict())
    x = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        assert not torch.allclose(clean(x)[1], legacy(x)[1])


def in_time(T: int, stateful: bool) -> nn.Module:
    """A segmentor that sees an image T times, with neurons that carry their membrane on or not."""
    cfg = small_config()
    cfg.model.backbone.T = T
    for part in (cfg.model.backbone, cfg.model.decode_head):
        part.neuron_cfg.stateful = stateful
    return build_model(cfg).double().eval()


def test_time_matters_only_to_neurons_with_a_state() -> None:
    weights = small_segmentor().state_dict()
    image = torch.randn(1, 3, 64, 96, dtype=torch.float64)
    found = {}
    for T, stateful in itertools.product((1, 4), (False, True)):
        model = in_time(T, stateful)
        model.load_state_dict(weights)
        steps: list[int] = []
        for part in (model.backbone, model.decode_head.pixel_decoder):
            neurons = [m for m in part.modules() if isinstance(m, BaseNeuron)]
            neurons[-1].register_forward_hook(
                lambda _, __, out, steps=steps: steps.append(len(out))
            )
        with torch.no_grad():
            found[T, stateful] = model(image)
        assert steps == [T, T]
    once = found[1, False]
    assert all(out.std() > 0 for out in once)
    torch.testing.assert_close(found[4, False], once)
    torch.testing.assert_close(found[1, True], once)
    for out, expected in zip(found[4, True], once, strict=True):
        assert (out - expected).abs().max() > 1e-2 * expected.abs().max()


def test_one_batch_is_learnt_by_heart() -> None:
    """The clipping is the released one; the rate of 1e-3 is raised to shorten the test.

    At 1e-3 two seeds came to 0.84 and 0.68 of the first loss in 70 steps, to 0.80 and 0.66 in 120.
    """
    torch.manual_seed(0)
    model = small_segmentor(awake=False)
    model.init_weights()
    data = batch(labels(), labels().flip(1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    course = []
    for _ in range(70):
        found = losses(model, data)
        total = sum(found.values())
        optimizer.zero_grad()
        total.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.01)
        optimizer.step()
        course.append(total.item())
    assert course[-1] < 0.7 * course[0], course
