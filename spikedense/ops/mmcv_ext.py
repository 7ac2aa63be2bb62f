"""Stand-in for mmcv's compiled operators, on the operators of torch and torchvision.

Python imports this file as ``mmcv._ext`` where mmcv has no compiled operators (see
``spikedense.utils.mmcv_ops``). The signatures are those of mmcv's C++ functions, most of which
write their results into an argument. mmcv asks for the names of all its operators when it is
imported, so every other name is a function that raises an error.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NoReturn

import numpy as np
import torch
from torch import Tensor

from spikedense.errors import UserError
from spikedense.utils.mmcv_ops import no_such_operator, torchvision_misfit

try:
    from torchvision.ops import nms as torchvision_nms
    from torchvision.ops import sigmoid_focal_loss

    torchvision_roi_align = torch.ops.torchvision.roi_align
except (AttributeError, OSError, RuntimeError) as exc:
    raise UserError('{}; install a matching pair: `{}`'.format(*torchvision_misfit())) from exc


def get_compiler_version() -> str:
    """Tell mmcv's environment report that there was no compiler."""
    return 'none, the operators are those of torchvision'


get_compiling_cuda_version = get_compiler_version


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float, offset: int) -> Tensor:
    """Return the indices of the boxes that non-maximum suppression keeps, best first.

    Args:
        boxes: ``[N, 4]``, corners.
        scores: ``[N]``.
        iou_threshold: A box is dropped if its IoU with a better box is above this value.
        offset: 1 if the corners are the first and the last pixel, else 0.
    """
    exact = _exact(boxes.dtype)
    # The order of mmcv among equal scores. torchvision's sort is another one, and keeps this order.
    scores, order = scores.to(exact).sort(descending=True)
    boxes = boxes[order].to(exact)
    if offset:
        boxes = boxes + boxes.new_tensor([0, 0, offset, offset])
    # mmcv compares with the threshold in single precision.
    return order[torchvision_nms(boxes, scores, float(np.float32(iou_threshold)))]


def roi_align_forward(
    input: Tensor,
    rois: Tensor,
    output: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    *,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> None:
    """Write the pooled RoIs to ``output``.

    Args:
        input: ``[B, C, H, W]``.
        rois: ``[N, 5]``, the index of the image and the corners.
        output: ``[N, C, aligned_height, aligned_width]``.
        argmax_y: Only for maxima.
        argmax_x: Only for maxima.
        aligned_height: Height of a pooled RoI.
        aligned_width: Width of a pooled RoI.
        spatial_scale: Size of the map, divided by the size of the image.
        sampling_ratio: Samples for each side of a bin; 0 for a number that depends on the RoI.
        pool_mode: 1 for means. 0, for maxima, is not possible.
        aligned: Whether pixel centres are at halves.

    Raises:
        UserError: Maxima are asked for.
    """
    if pool_mode != 1:
        raise no_such_operator("RoIAlign with pool_mode='max'")
    exact = _exact(input.dtype)
    size = (aligned_height, aligned_width)
    maps = torchvision_roi_align(
        input.to(exact), rois.to(exact), spatial_scale, *size, sampling_ratio, aligned
    )
    output.copy_(maps)


def roi_align_backward(
    grad_output: Tensor,
    rois: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    grad_input: Tensor,
    *,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> None:
    """Write the gradient of :func:`roi_align_forward` to ``grad_input``, ``[B, C, H, W]``."""
    exact = _exact(grad_output.dtype)
    grad = torch.ops.torchvision._roi_align_backward(
        grad_output.to(exact),
        rois.to(exact),
        spatial_scale,
        aligned_height,
        aligned_width,
        *grad_input.shape,
        sampling_ratio,
        aligned,
    )
    grad_input.copy_(grad)


def sigmoid_focal_loss_forward(
    input: Tensor, target: Tensor, weight: Tensor, output: Tensor, *, gamma: float, alpha: float
) -> None:
    """Write the focal loss of each logit to ``output``.

    mmdet calls mmcv's operator on a GPU only.

    Args:
        input: Logits, ``[N, C]``.
        target: Classes, ``[N]``; C for the background.
        weight: A weight for each class, ``[C]``, or empty.
        output: ``[N, C]``.
        gamma: Exponent of the focal loss.
        alpha: Weight of positive examples.
    """
    output.copy_(_focal_loss(input, target, weight, gamma, alpha))


def sigmoid_focal_loss_backward(
    input: Tensor, target: Tensor, weight: Tensor, grad_input: Tensor, *, gamma: float, alpha: float
) -> None:
    """Write the gradient of the summed focal loss to ``grad_input``, ``[N, C]``."""
    loss = partial(_focal_loss, target=target, weight=weight, gamma=gamma, alpha=alpha)
    _write_gradients(loss, [input], torch.ones_like(input), [grad_input])


def ms_deform_attn_forward(
    value: Tensor,
    value_spatial_shapes: Tensor,
    value_level_start_index: Tensor,
    sampling_locations: Tensor,
    attention_weights: Tensor,
    *,
    im2col_step: int,
) -> Tensor:
    """Return multi-scale deformable attention, computed by mmcv's function for a CPU.

    mmcv calls the operator on a GPU only.

    Args:
        value: ``[B, sum of H * W, heads, C]``.
        value_spatial_shapes: (H, W) of each level, ``[levels, 2]``.
        value_level_start_index: Not needed.
        sampling_locations: (x, y) in 0..1, ``[B, queries, heads, levels, points, 2]``.
        attention_weights: ``[B, queries, heads, levels, points]``.
        im2col_step: Not needed.

    Returns:
        ``[B, queries, heads * C]``.
    """
    # mmcv.ops imports this file.
    from mmcv.ops.multi_scale_deform_attn import multi_scale_deformable_attn_pytorch

    sizes = value_spatial_shapes.tolist()
    return multi_scale_deformable_attn_pytorch(value, sizes, sampling_locations, attention_weights)


def ms_deform_attn_backward(
    value: Tensor,
    value_spatial_shapes: Tensor,
    value_level_start_index: Tensor,
    sampling_locations: Tensor,
    attention_weights: Tensor,
    grad_output: Tensor,
    grad_value: Tensor,
    grad_sampling_loc: Tensor,
    grad_attn_weight: Tensor,
    *,
    im2col_step: int,
) -> None:
    """Write the gradients of :func:`ms_deform_attn_forward` to the arguments ``grad_...``."""

    def attention(value: Tensor, locations: Tensor, weights: Tensor) -> Tensor:
        places = (value_spatial_shapes, value_level_start_index, locations)
        return ms_deform_attn_forward(value, *places, weights, im2col_step=im2col_step)

    inputs = [value, sampling_locations, attention_weights]
    grads = [grad_value, grad_sampling_loc, grad_attn_weight]
    _write_gradients(attention, inputs, grad_output, grads)


def _exact(dtype: torch.dtype) -> torch.dtype:
    """Return the dtype to compute in; torchvision lacks half precision on a CPU, and bfloat16."""
    return torch.promote_types(dtype, torch.float32)


def _focal_loss(
    logits: Tensor, target: Tensor, weight: Tensor, gamma: float, alpha: float
) -> Tensor:
    classes = torch.arange(logits.size(1), device=target.device)
    positive = (target[:, None] == classes).to(logits.dtype)
    loss = sigmoid_focal_loss(logits, positive, alpha=alpha, gamma=gamma)
    return loss * weight[target][:, None] if weight.numel() else loss


def _write_gradients(
    function: Callable[..., Tensor],
    inputs: Sequence[Tensor],
    grad_output: Tensor,
    grads: Sequence[Tensor],
) -> None:
    with torch.enable_grad():
        leaves = [tensor.detach().requires_grad_() for tensor in inputs]
        output = function(*leaves)
    computed = torch.autograd.grad(output, leaves, grad_output)
    for grad, value in zip(grads, computed, strict=True):
        grad.copy_(value)


def __getattr__(name: str) -> Any:
    if name.startswith('_'):
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")

    def missing(*args: Any, **kwargs: Any) -> NoReturn:
        raise no_such_operator(f"mmcv's operator '{name}'")

    return missing
