"""Checkpoints from which a run cannot continue."""

import pytest
import torch
from mmengine.optim import OptimWrapper
from torch import nn

from spikedense.checks.resume import check_processes, check_resume
from spikedense.errors import UserError


def _optimizer(kind: str = 'AdamW', layers: int = 2) -> OptimWrapper:
    groups = [dict(params=nn.Linear(2, 2).parameters()) for _ in range(layers)]
    return OptimWrapper(getattr(torch.optim, kind)(groups, lr=0.1))


def _checkpoint(optimizer: OptimWrapper, schedulers: int = 1) -> dict:
    kind = type(optimizer.optimizer).__name__
    cfg = f"optim_wrapper = dict(optimizer=dict(type='{kind}', lr=0.1))\n"
    return dict(
        meta=dict(epoch=0, iter=2, cfg_text=cfg),
        message_hub={},
        optimizer=optimizer.state_dict(),
        param_schedulers=[{}] * schedulers,
        state_dict={},
    )


def test_the_same_settings_fit() -> None:
    check_resume('a.pth', _checkpoint(_optimizer()), _optimizer(), [object()])


@pytest.mark.parametrize(
    ('optimizer', 'schedulers', 'said'),
    [
        (_optimizer('Adam'), 1, r"type is 'Adam', but 'a\.pth' has the state of 'AdamW'"),
        (_optimizer(layers=3), 1, '3 groups of 6 parameters, .* has 2 groups of 4 parameters'),
        (_optimizer(), 2, "2 schedulers, but 'a.pth' has the state of 1"),
    ],
)
def test_other_settings_do_not(optimizer: OptimWrapper, schedulers: int, said: str) -> None:
    saved = _checkpoint(_optimizer())
    with pytest.raises(UserError, match=said):
        check_resume('a.pth', saved, optimizer, [object()] * schedulers)


def test_weights_alone_cannot_be_resumed() -> None:
    with pytest.raises(UserError, match=r'has no meta, message_hub.* load_from=a\.pth'):
        check_resume('a.pth', dict(state_dict={}), _optimizer(), None)


def test_another_number_of_processes() -> None:
    # As mmcv 1 saved it; the text is read, and never run.
    checkpoint = {'meta': {'config_text': 'gpu_ids = range(0, 2)\nlr = 0.1\n'}}
    check_processes('a.pth', checkpoint, 2, scaled=False)
    check_processes('a.pth', checkpoint, 1, scaled=True)
    check_processes('a.pth', {'meta': {'config_text': 'gpu_ids = exit()'}}, 1, scaled=False)
    with pytest.raises(UserError, match='2 processes, but this run has 1'):
        check_processes('a.pth', checkpoint, 1, scaled=False)
