"""Fields of a checkpoint that are of another kind than a resume reads."""

from typing import Any

import pytest
import torch

from spikedense.checks.resumed_file import check_resumed_file
from spikedense.errors import UserError


def _checkpoint(changes: dict[str, Any]) -> dict[str, Any]:
    checkpoint: dict[str, Any] = dict(
        meta=dict(epoch=0, iter=2, seed=7),
        message_hub=dict(log_scalars={}, runtime_info=dict(best_score=0.5), resumed_keys={}),
        state_dict={'a': torch.zeros(1)},
        optimizer=dict(state={}, param_groups=[dict(params=[0])]),
        accumulated_gradients={'a': torch.zeros(1)},
    )
    for key, value in changes.items():
        *parts, last = key.split('.')
        node = checkpoint
        for part in parts:
            node = node[part]
        node[last] = value
    return checkpoint


def test_what_a_training_writes() -> None:
    check_resumed_file('a.pth', _checkpoint({}))
    check_resumed_file('a.pth', {'state_dict': {}})


@pytest.mark.parametrize(
    ('key', 'value'),
    [
        ('meta', []),
        ('meta', None),
        ('meta.iter', '2'),
        ('meta.iter', -3),
        ('meta.epoch', True),
        ('meta.seed', 'x'),
        ('meta.seed', -5),
        ('meta.seed', 2**80),
        ('message_hub', None),
        ('message_hub', {'runtime_info': {}}),
        ('message_hub.runtime_info', []),
        ('message_hub.runtime_info.best_score', 'high'),
        ('state_dict', {3: torch.zeros(1)}),
        ('optimizer', 'x'),
        ('optimizer.param_groups', [7]),
        ('optimizer.param_groups', {}),
        ('accumulated_gradients', {'a': 3}),
    ],
)
def test_fields_of_another_kind(key: str, value: Any) -> None:
    with pytest.raises(UserError, match=rf"--resume: 'a\.pth': .*{key.split('.')[-1]}.*expected"):
        check_resumed_file('a.pth', _checkpoint({key: value}))
