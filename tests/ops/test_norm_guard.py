"""Batch norm at batch size 1: gradients must not depend on the memory layout."""

import pytest
import torch
from torch import Tensor, nn

from spikedense.ops import guarded_norm

SHAPE = (1, 6, 3, 4)


def _from_tokens(x: Tensor) -> Tensor:
    tokens = x.flatten(2).transpose(1, 2).contiguous()  # [1, N, C]
    return tokens.transpose(1, 2).unflatten(2, x.shape[-2:])


LAYOUTS = {
    'contiguous': lambda x: x.contiguous(),
    'channels_last': lambda x: x.contiguous(memory_format=torch.channels_last),
    'tokens': _from_tokens,
    'unsqueezed': lambda x: x[0].permute(1, 2, 0).contiguous().permute(2, 0, 1).unsqueeze(0),
    'odd_batch_stride': lambda x: x.contiguous().as_strided(x.shape, (7, 12, 4, 1)),
    'width_first': lambda x: x.transpose(2, 3).contiguous().transpose(2, 3),
    'slice': lambda x: torch.cat([x, x]).contiguous(memory_format=torch.channels_last)[:1],
}


@pytest.mark.parametrize('training', [True, False])
@pytest.mark.parametrize('grad_layout', LAYOUTS)
@pytest.mark.parametrize('input_layout', LAYOUTS)
def test_gradient_equals_the_formula(input_layout: str, grad_layout: str, training: bool) -> None:
    values = torch.randn(SHAPE, dtype=torch.float64)
    grad = torch.randn(SHAPE, dtype=torch.float64)
    norm = nn.BatchNorm2d(SHAPE[1]).double().train(training)
    norm.running_mean.normal_()
    norm.running_var.uniform_(0.5, 2)

    x = values.clone().requires_grad_()
    mean, var = norm.running_mean, norm.running_var
    if training:
        mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
    y = (x - mean[:, None, None]) / torch.sqrt(var[:, None, None] + norm.eps)
    (expected,) = torch.autograd.grad(y, x, grad)

    x = LAYOUTS[input_layout](values).requires_grad_()
    (found,) = torch.autograd.grad(guarded_norm(norm, x), x, LAYOUTS[grad_layout](grad))
    torch.testing.assert_close(found, expected)


def test_dense_layouts_are_not_copied() -> None:
    x = torch.randn(1, 6, 3, 4).contiguous(memory_format=torch.channels_last)
    y = guarded_norm(nn.Identity(), x)
    assert y.data_ptr() == x.data_ptr()
    assert y.is_contiguous(memory_format=torch.channels_last)
