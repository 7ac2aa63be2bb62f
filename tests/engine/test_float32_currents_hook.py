"""Currents of neurons in float32 under autocast."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from spikedense.engine.float32_currents_hook import keep_currents_in_float32
from spikedense.neurons import NILIF


class _Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Sequential(
            *(nn.Conv2d(3, 16, 3), nn.BatchNorm2d(16), NILIF(D=4)),
            *(nn.Conv2d(16, 16, 3), nn.BatchNorm2d(16), NILIF(D=4)),
        )
        self.head = nn.Sequential(nn.Linear(16, 5))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        spikes = self.backbone(x)
        return spikes, self.head(spikes.mean((-1, -2)))


def _forward(model: nn.Module, x: Tensor, amp: bool) -> Any:
    with torch.no_grad(), torch.autocast('cpu', torch.bfloat16, enabled=amp):
        return model(x)


def test_no_spike_changes() -> None:
    # In training mode the norms spread the currents over the thresholds.
    model, x = _Model(), torch.randn(8, 3, 32, 32)
    spikes, _ = _forward(model, x, amp=False)
    assert 0.1 < (spikes > 0).float().mean() < 0.9
    changed, _ = _forward(model, x, amp=True)
    assert not torch.equal(spikes, changed)
    keep_currents_in_float32(model)
    kept, scores = _forward(model, x, amp=True)
    assert torch.equal(spikes, kept)
    # A part without neurons stays in half precision.
    assert scores.dtype == torch.bfloat16


def test_autocast_goes_on_after_an_error() -> None:
    model = _Model()
    keep_currents_in_float32(model)
    with torch.autocast('cpu', torch.bfloat16):
        with pytest.raises(RuntimeError, match='channels'):
            model(torch.randn(1, 4, 8, 8))
        assert torch.is_autocast_enabled('cpu')
    assert not torch.is_autocast_enabled('cpu')


def test_gradients_are_those_of_float32() -> None:
    model, x = _Model(), torch.randn(4, 3, 16, 16)
    keep_currents_in_float32(model)
    gradients = []
    for amp in (False, True):
        model.zero_grad()
        with torch.autocast('cpu', torch.bfloat16, enabled=amp):
            spikes = model.backbone(x)
        spikes.square().mean().backward()
        gradients.append([p.grad.clone() for p in model.backbone.parameters()])
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(a, b)
    assert gradients[0][0].abs().max() > 0
