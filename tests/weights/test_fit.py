"""Comparison of state dicts with models."""

from typing import Any

import pytest
import torch
from mmengine.model import MMDistributedDataParallel
from torch import nn

from spikedense.errors import UserError
from spikedense.weights import check, fill, fit, load


class _Old(nn.Linear):
    """A layer whose weight had another name in version 1, and that looks at what it loads."""

    _version = 2

    def _load_from_state_dict(
        self, state_dict: dict, prefix: str, local_metadata: dict, *args: Any
    ) -> None:
        if (local_metadata.get('version') or 1) < 2:
            for key in [key for key in state_dict if key.startswith(f'{prefix}kernel')]:
                state_dict[key.replace('kernel', 'weight')] = state_dict.pop(key)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *args)
        self.loaded_sum = self.weight.sum().item()


class _Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(2, 3)
        self.norm = nn.BatchNorm1d(3)
        self.again = self.first


def _names() -> list[str]:
    return [key for key in _Model().state_dict() if 'num_batches' not in key]


def test_what_fits() -> None:
    state = dict(_Model().state_dict())
    # Counters of batches are no weights, and a part that the model lacks does no harm.
    state.pop('norm.num_batches_tracked')
    state['auxiliary_head.weight'] = torch.zeros(1)
    assert fit(_Model(), state).exact
    found = fit(_Model(), state, every_part=True)
    assert found.describe() == 'keys unknown to the model: 1 (auxiliary_head.weight)'


def test_what_does_not_fit() -> None:
    state = dict(_Model().state_dict())
    for key in ('norm.weight', 'norm.bias', 'norm.running_mean', 'norm.running_var'):
        del state[key]
    state['first.more'] = torch.zeros(1)
    state['first.weight'] = torch.zeros(4, 2)
    found = fit(_Model(), state)
    assert found.total == 8
    assert not found.exact and not found.nothing
    assert found.describe() == (
        'weights missing: 4 of 8 (norm.weight, norm.bias, norm.running_mean and 1 more); '
        'of another shape: 1 of 8 (first.weight is [4, 2], expected [3, 2]); '
        'keys unknown to the model: 1 (first.more)'
    )


def test_comparison_changes_nothing() -> None:
    model = nn.Sequential(_Old(2, 3), _Model())
    before = {key: value.clone() for key, value in model.state_dict().items()}
    parameters = dict(model.named_parameters())
    other = nn.Sequential(_Old(2, 3), _Model())
    state = dict(other.state_dict())
    state['0.kernel'] = state.pop('0.weight')
    keys = list(state)
    assert fit(model, state).exact
    assert list(state) == keys
    assert not hasattr(model[0], 'loaded_sum')
    assert all(p is parameters[name] for name, p in model.named_parameters())
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())

    load(model, state, 'a.pth')
    assert torch.equal(model[0].weight, other[0].weight)
    assert model[0].loaded_sum == other[0].weight.sum().item()


def test_versions_reach_the_modules() -> None:
    """A layer of today is not renamed, so that its unknown key stays unknown."""
    model = nn.Sequential(_Old(2, 3))
    state = model.state_dict()
    state['0.kernel'] = torch.zeros(3, 2)
    assert fit(model, state).unknown == ['0.kernel']


def test_modules_that_forgive_missing_weights() -> None:
    model = _Model()

    def forgive(_: nn.Module, keys: Any) -> None:
        keys.missing_keys.clear()

    model.register_load_state_dict_post_hook(forgive)
    assert fit(model, {'first.weight': torch.zeros(3, 2)}).exact


def test_model_in_a_wrapper(monkeypatch: pytest.MonkeyPatch) -> None:
    wrapper = MMDistributedDataParallel.__new__(MMDistributedDataParallel)
    nn.Module.__init__(wrapper)
    wrapper.module = _Model()
    state = _Model().state_dict()
    assert fit(wrapper, state).exact
    fill(wrapper, state)
    assert torch.equal(wrapper.module.first.weight, state['first.weight'])


def test_refusals() -> None:
    state = dict(_Model().state_dict())
    model = _Model()
    own = model.first.weight.clone()
    state.pop('norm.weight')
    with pytest.raises(UserError, match=r"^the checkpoint 'a\.pth' does not fit the model, w"):
        load(model, state, 'a.pth')
    assert torch.equal(model.first.weight, own)
    assert check(model, state, 'a.pth', strict=False).missing == ['norm.weight']
    assert torch.equal(model.first.weight, own)
    with pytest.raises(UserError, match=r"^no weight of the checkpoint 'a\.pth' fits SDT: its k"):
        check(model, {'x': torch.zeros(1)}, 'a.pth', strict=False, name='SDT')


def test_a_part_is_filled_without_a_word(capsys: pytest.CaptureFixture) -> None:
    model = _Model()
    own = model.norm.weight.clone()
    fill(model, {'first.bias': torch.ones(3), 'norm.weight': torch.ones(7), 'x': torch.ones(1)})
    assert torch.equal(model.first.bias, torch.ones(3))
    assert torch.equal(model.norm.weight, own)
    assert capsys.readouterr().out == ''
