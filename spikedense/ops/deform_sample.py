"""Deformable sampling: weighted sums of bilinear samples around each pixel."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def _sampling_grid(offset: Tensor, kernel_size: int) -> Tensor:
    """Return the sampling places in the format of ``F.grid_sample``.

    Args:
        offset: ``[N, G, K, 2, H, W]``, (x, y) in pixels.
        kernel_size: Side k of the kernel, ``K = k * k``.

    Returns:
        ``[N * G, K * H, W, 2]``; -1 and 1 are the outer edges of the map; float32 or float64.
    """
    height, width = offset.shape[-2:]
    # Half precision is too coarse for the pixel positions of a large map.
    exact = torch.promote_types(offset.dtype, torch.float32)
    like: dict[str, Any] = dict(dtype=exact, device=offset.device)
    reach = (kernel_size - 1) / 2
    taps = torch.linspace(-reach, reach, kernel_size, **like)
    x = torch.arange(width, **like) + taps.repeat_interleave(kernel_size)[:, None, None]
    y = torch.arange(height, **like)[:, None] + taps.repeat(kernel_size)[:, None, None]
    places = torch.stack([x.expand(-1, height, -1), y.expand(-1, -1, width)], dim=1)
    size = torch.tensor([width, height], **like)[:, None, None]
    grid = (places + offset + 0.5) * (2 / size) - 1  # [N, G, K, 2, H, W]
    return grid.permute(0, 1, 2, 4, 5, 3).flatten(2, 3).flatten(0, 1)


def deform_sample(value: Tensor, offset: Tensor, weight: Tensor, kernel_size: int = 3) -> Tensor:
    r"""Return weighted sums of samples around each pixel, with places and weights of its own.

    .. math::
        y_g(p) = \sum_k w_{g,k}(p) \; v_g\bigl(p + p_k + \Delta p_{g,k}(p)\bigr)

    Values between pixels are bilinear; values outside the map are 0. The channels are split into G
    contiguous groups. The K points :math:`p_k` of the square kernel are in the order of x, then of
    y: (-1, -1), (-1, 0), (-1, 1), (0, -1) to (1, 1) as (x, y).

    Args:
        value: The map v that is sampled, ``[N, C, H, W]``.
        offset: :math:`\Delta p` as (x, y) in pixels, ``[N, G, K, 2, H, W]``.
        weight: The weights w, ``[N, G, K, H, W]``.
        kernel_size: Side of the kernel, ``K = kernel_size ** 2``.

    Returns:
        ``[N, C, H, W]``, in the dtype of ``value``; places and sums are float32 or float64.

    Raises:
        ValueError: The shapes do not match.
    """
    groups, points = offset.shape[1:3]
    expected = (value.size(0), groups, points, *value.shape[-2:])
    if points != kernel_size**2 or value.size(1) % groups or weight.shape != expected:
        raise ValueError(
            f'deform_sample: value {tuple(value.shape)}, offset {tuple(offset.shape)} and weight '
            f'{tuple(weight.shape)} with kernel_size={kernel_size}; expected [N, C, H, W], '
            f'[N, G, {kernel_size**2}, 2, H, W] and [N, G, {kernel_size**2}, H, W], G dividing C'
        )
    # torchvision's deform_conv2d with a weight of ones gives the same, but is slower on a CPU: 2 to
    # 12 times slower forward, 13 to 19 times slower with the backward pass (docs/benchmark.md).
    maps = value.unflatten(1, (groups, -1)).flatten(0, 1)  # [N*G, C/G, H, W]
    grid = _sampling_grid(offset, kernel_size)
    samples = F.grid_sample(maps.to(grid.dtype), grid, align_corners=False)  # [N*G, C/G, K*H, W]
    weight = weight.flatten(0, 1).flatten(1, 2).unsqueeze(1)  # [N*G, 1, K*H, W]
    total = (samples * weight).unflatten(2, (points, -1)).sum(2)
    return total.unflatten(0, (-1, groups)).flatten(1, 2).to(value.dtype)
