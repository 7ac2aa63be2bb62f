"""The stand-in for mmcv's operators: against known values and against the compiled operators."""

import importlib
from collections.abc import Callable
from types import ModuleType

import mmcv.ops  # noqa: F401  (imports the modules that the tests look up)
import pytest
import torch
import torch.nn.functional as F
from mmcv.ops import batched_nms, nms, roi_align, sigmoid_focal_loss
from mmcv.ops.multi_scale_deform_attn import (
    MultiScaleDeformableAttnFunction,
    multi_scale_deformable_attn_pytorch,
)
from mmdet.models.losses.focal_loss import py_sigmoid_focal_loss
from torch import Tensor
from torchvision.ops import box_iou

from spikedense.errors import UserError
from spikedense.ops import mmcv_ext
from spikedense.utils.mmcv_ops import has_compiled_operators

compiled = pytest.mark.skipif(
    not has_compiled_operators(), reason="mmcv's operators are not compiled (`make ops`)"
)
MODULES = ['nms', 'roi_align', 'focal_loss', 'multi_scale_deform_attn']
RATIOS, ALIGNED = [0, 2], [True, False]


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[[ModuleType], None]:
    """Let mmcv's functions call the operators of a module."""

    def use(operators: ModuleType) -> None:
        for name in MODULES:
            module = importlib.import_module(f'mmcv.ops.{name}')
            monkeypatch.setattr(module, 'ext_module', operators)

    return use


@pytest.fixture
def stand_in(use: Callable[[ModuleType], None]) -> None:
    """Let mmcv's functions call the stand-in."""
    use(mmcv_ext)


@pytest.fixture
def both(use: Callable[[ModuleType], None]) -> Callable:
    """Call a function on the compiled operators and on the stand-in."""

    def both(function: Callable, *args: object) -> list:
        results = []
        for operators in (importlib.import_module('mmcv._ext'), mmcv_ext):
            use(operators)
            results.append(function(*args))
        return results

    return both


def random_boxes(count: int, size: float = 40.0) -> Tensor:
    corners = torch.rand(count, 2, 2) * size
    return torch.cat([corners.amin(1), corners.amax(1)], dim=1)


def random_set(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Boxes, scores and classes; half of the sets lie on a grid and have equal scores and boxes."""
    torch.manual_seed(seed)
    boxes, scores = random_boxes(1 + seed), torch.rand(1 + seed)
    if seed % 2:
        boxes, scores = (boxes / 4).round() * 4, (scores * 5).round() / 5
    return boxes, scores, torch.randint(0, 3, (1 + seed,))


def pooled(maps: Tensor, rois: Tensor, ratio: int, aligned: bool) -> tuple[Tensor, Tensor]:
    """Pooled RoIs, and the gradient of the maps."""
    maps = maps.clone().requires_grad_()
    output = roi_align(maps, rois, (3, 5), 0.25, ratio, 'avg', aligned)
    weights = torch.arange(output.numel()).view_as(output).cos()
    (grad,) = torch.autograd.grad((output * weights).sum(), maps)
    return output.detach(), grad


def random_rois(count: int) -> Tensor:
    """RoIs of two images of 64x48 that also reach over the borders; the last has no area."""
    rois = torch.cat([torch.randint(0, 2, (count, 1)), random_boxes(count, 80.0) - 8], dim=1)
    if count:
        rois[-1, 3:] = rois[-1, 1:3]
    return rois


def test_nms_keeps_the_best_of_what_overlaps(stand_in: None) -> None:
    boxes = torch.tensor([[0, 0, 4, 4], [0, 0, 4, 5], [4, 0, 8, 4], [0, 0, 4, 4]]).float()
    kept, order = nms(boxes, torch.tensor([0.5, 0.9, 0.7, 0.5]), 0.5)
    assert order.tolist() == [1, 2]
    assert kept[:, 4].tolist() == pytest.approx([0.9, 0.7])
    # Intersection 16, union 20: a box is dropped above the threshold, not at it.
    assert nms(boxes[:2], torch.tensor([0.5, 0.9]), 0.8)[1].tolist() == [1, 0]
    assert nms(boxes[:0], torch.zeros(0), 0.5)[1].tolist() == []


@pytest.mark.parametrize('dtype', [torch.float16, torch.float64])
def test_nms_in_other_dtypes(stand_in: None, dtype: torch.dtype) -> None:
    boxes = torch.tensor([[0, 0, 4, 4], [0, 0, 4, 5], [9, 9, 10, 10]], dtype=dtype)
    assert nms(boxes, torch.tensor([0.2, 0.3, 0.1], dtype=dtype), 0.5)[1].tolist() == [1, 2]


def test_nms_offset_counts_pixels(stand_in: None) -> None:
    """Boxes of 2 and of 3 pixels: IoU 2/3 with the offset, 1/2 without."""
    boxes, scores = torch.tensor([[0, 0, 1, 0], [0, 0, 2, 0]]).float(), torch.tensor([0.9, 0.8])
    assert nms(boxes, scores, 0.6, offset=1)[1].tolist() == [0]
    boxes[:, 3] = 1
    assert nms(boxes, scores, 0.6, offset=0)[1].tolist() == [0, 1]


@pytest.mark.parametrize('seed', range(5))
def test_what_nms_keeps_does_not_overlap(stand_in: None, seed: int) -> None:
    boxes, scores, classes = random_set(60 + seed)
    kept, order = batched_nms(boxes, scores, classes, dict(type='nms', iou_threshold=0.4))
    assert (kept[:, 4].diff() <= 0).all()
    same = classes[order][:, None] == classes[order]
    overlap = (box_iou(boxes[order], boxes[order]) > 0.4) & same
    assert not overlap.triu(1).any()
    dropped = torch.ones(len(boxes), dtype=torch.bool).index_fill(0, order, False)
    covered = (box_iou(boxes[dropped], boxes[order]) > 0.4) & (
        classes[dropped][:, None] == classes[order]
    )
    assert covered.any(1).all()


def test_roi_align_of_a_plane(stand_in: None) -> None:
    """Bilinear samples of a plane are exact: a bin holds the value at its centre."""
    y, x = torch.meshgrid(torch.arange(16.0), torch.arange(20.0), indexing='ij')
    maps = (3 * x + y)[None, None].requires_grad_()
    rois = torch.tensor([[0, 4.0, 4.0, 12.0, 10.0]])
    for aligned in (True, False):
        pool = roi_align(maps, rois, (3, 2), 1.0, 0, 'avg', aligned)[0, 0]
        centre_x = torch.tensor([6.0, 10.0]) - 0.5 * aligned
        centre_y = torch.tensor([5.0, 7.0, 9.0])[:, None] - 0.5 * aligned
        torch.testing.assert_close(pool, 3 * centre_x + centre_y)
    (grad,) = torch.autograd.grad(pool.sum(), maps)
    assert grad.sum() == pytest.approx(6)  # each of six bins is a mean


@pytest.mark.parametrize('aligned', ALIGNED)
@pytest.mark.parametrize('ratio', RATIOS)
def test_roi_align_gradient(stand_in: None, ratio: int, aligned: bool) -> None:
    maps = torch.rand(2, 2, 12, 16, dtype=torch.float64, requires_grad=True)
    rois = random_rois(3).double()
    assert torch.autograd.gradcheck(
        lambda maps: roi_align(maps, rois, (2, 3), 0.25, ratio, 'avg', aligned), maps
    )


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_roi_align_in_half_precision(stand_in: None, dtype: torch.dtype) -> None:
    maps, rois = torch.rand(2, 3, 12, 16).to(dtype), random_rois(6).to(dtype)
    output, grad = pooled(maps, rois, 2, True)
    exact, exact_grad = pooled(maps.float(), rois.float(), 2, True)
    assert output.dtype == grad.dtype == dtype
    torch.testing.assert_close(output, exact.to(dtype))
    torch.testing.assert_close(grad.float(), exact_grad, atol=0.05, rtol=0.05)


def test_focal_loss_is_that_of_mmdet(stand_in: None) -> None:
    """mmdet calls mmcv's operator on a GPU, and its own function on a CPU."""
    target = torch.tensor([0, 3, 2, 3, 1])  # 3 is the background
    one_hot = F.one_hot(target, 4)[:, :3]
    results = []
    for loss in (
        lambda x: sigmoid_focal_loss(x, target, 2.0, 0.25, None, 'mean'),
        lambda x: py_sigmoid_focal_loss(x, one_hot, reduction='sum') / 5,
    ):
        torch.manual_seed(0)
        logits = torch.randn(5, 3, requires_grad=True)
        value = loss(logits)
        results.append((value, *torch.autograd.grad(value, logits)))
    torch.testing.assert_close(*results)


def test_deformable_attention_is_that_of_a_cpu(stand_in: None) -> None:
    """mmcv calls its operator on a GPU, and the function in PyTorch on a CPU."""
    sizes = torch.tensor([[6, 5], [3, 2]])
    starts = torch.tensor([0, 30])
    inputs = [
        torch.rand(2, 36, 4, 3, requires_grad=True),
        torch.rand(2, 7, 4, 2, 5, 2, requires_grad=True),
        torch.rand(2, 7, 4, 2, 5, requires_grad=True),
    ]
    value, places, weights = inputs
    results = []
    for output in (
        MultiScaleDeformableAttnFunction.apply(value, sizes, starts, places, weights, 64),
        multi_scale_deformable_attn_pytorch(value, sizes, places, weights),
    ):
        results.append((output, *torch.autograd.grad((output**2).sum(), inputs)))
    torch.testing.assert_close(*results)


def test_other_operators_tell_how_to_compile(stand_in: None) -> None:
    with pytest.raises(UserError, match=r"'softnms' needs mmcv's compiled .*`make ops`"):
        mmcv_ext.softnms(torch.zeros(1, 4))
    with pytest.raises(UserError, match="pool_mode='max' needs mmcv's compiled"):
        roi_align(torch.zeros(1, 1, 4, 4), torch.zeros(1, 5), 2, 1.0, 0, 'max', True)
    assert not hasattr(mmcv_ext, '__path__') and not hasattr(mmcv_ext, '_private')
    assert 'torchvision' in mmcv_ext.get_compiler_version()


@compiled
@pytest.mark.parametrize('offset', [0, 1])
def test_nms_equals_the_compiled_one(both: Callable, offset: int) -> None:
    for seed in range(200):
        boxes, scores, classes = random_set(seed)
        for threshold in (0.3, 0.5, 0.7):
            first, second = both(nms, boxes, scores, threshold, offset)
            assert first[1].tolist() == second[1].tolist(), (seed, threshold)
        cfg = dict(type='nms', iou_threshold=0.5, offset=offset)
        first, second = both(batched_nms, boxes, scores, classes, cfg)
        assert first[1].tolist() == second[1].tolist(), seed
    first, second = both(nms, boxes[:0], scores[:0], 0.5, offset)
    assert first[1].tolist() == second[1].tolist() == []


@compiled
@pytest.mark.parametrize('aligned', ALIGNED)
@pytest.mark.parametrize('ratio', RATIOS)
@pytest.mark.parametrize('count', [0, 40])
def test_roi_align_equals_the_compiled_one(
    both: Callable, ratio: int, aligned: bool, count: int
) -> None:
    maps, rois = torch.randn(2, 4, 12, 16), random_rois(count)
    first, second = both(pooled, maps, rois, ratio, aligned)
    torch.testing.assert_close(first, second, atol=1e-6, rtol=0)
    # The compiled operator reads the memory of any map as if it were contiguous.
    maps = maps.contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(pooled(maps, rois, ratio, aligned), second, atol=1e-6, rtol=0)
