"""The hook that takes the memory of neurons."""

from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config
from small_backbones import ThreeStages
from tiny_run import TinyModel, tiny_runner
from torch import Tensor, nn

from spikedense.checks.model import build_model
from spikedense.engine import NonStatefulHook
from spikedense.engine.non_stateful_hook import preset_patterns
from spikedense.errors import UserError
from spikedense.neurons import LIF, BaseNeuron


def memoryless(model: nn.Module) -> set[str]:
    """Names of the stages whose neurons have no memory."""
    named = {n: m.stateful for n, m in model.named_modules() if isinstance(m, BaseNeuron)}
    stages: dict[str, set[bool]] = {}
    for name, stateful in named.items():
        stages.setdefault(name[: name.index('.', name.index('stages') + 7)], set()).add(stateful)
    assert all(len(found) == 1 for found in stages.values())
    return {name for name, found in stages.items() if found == {False}}


@pytest.mark.parametrize(
    ('preset', 'stages'),
    [('shallow_1', [0]), ('shallow_2', [0, 1]), ('deep_2', [1, 2]), ('all', [0, 1, 2])],
)
def test_presets_choose_stages(preset: str, stages: list[int]) -> None:
    model = nn.Module()
    model.backbone = ThreeStages(neuron_cfg=dict(type='LIF'))
    NonStatefulHook(preset).change_model(model)
    assert memoryless(model) == {f'backbone.stages.{i}' for i in stages}
    assert preset_patterns(model.backbone, 'deep_1') == ['stages.2']


@pytest.mark.parametrize(
    ('args', 'words'),
    [
        (dict(), 'expected one of both'),
        (dict(preset='middle_1'), "preset='middle_1', expected 'shallow_K'"),
        (dict(preset='all', begin=-1), 'begin=-1, expected an integer'),
    ],
)
def test_arguments_are_checked(args: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        NonStatefulHook(**args)


def test_a_model_without_such_stages_is_refused() -> None:
    with pytest.raises(UserError, match=r"preset='deep_4', but ThreeStages has 3 stages"):
        NonStatefulHook('deep_4').change_model(ThreeStages())
    with pytest.raises(UserError, match=r"NonStatefulHook: include has 'layer1'"):
        NonStatefulHook(include='layer1').change_model(ThreeStages())


class _WithNeuron(TinyModel):
    """A model with one neuron, which notes whether it has memory."""

    def __init__(self) -> None:
        super().__init__()
        self.neuron, self.seen = LIF(), []

    def forward(self, inputs: Tensor, mode: str = 'loss') -> Any:
        self.seen.append((mode, self.neuron.stateful))
        return super().forward(inputs, mode)


def test_memory_goes_when_the_training_comes_to_begin(tmp_path: Path) -> None:
    model = _WithNeuron()
    hook = dict(type='spikedense.NonStatefulHook', include='neuron', begin=2)
    more = dict(model=model, custom_hooks=[hook])
    tiny_runner(tmp_path, 4, None, val_interval=2, **more).train()
    losses = [stateful for mode, stateful in model.seen if mode == 'loss']
    assert losses == [True, True, False, False]
    assert {s for mode, s in model.seen[:4] if mode == 'predict'} <= {True}
    model.neuron.stateful = True
    tiny_runner(tmp_path, 4, None, **more).call_hook('before_run')  # as in a test
    assert not model.neuron.stateful


def test_tools_without_a_runner_read_the_hook_from_the_config() -> None:
    model = dict(type='mmpretrain.ImageClassifier', backbone=dict(type='spikedense.SDTV3'))
    model['backbone'] |= dict(arch=dict(embed_dims=(8, 8, 8, 8), depths=(1,) * 5, num_heads=1))
    model['backbone'] |= dict(neuron_cfg=dict(type='LIF'))
    hook = dict(type='spikedense.NonStatefulHook', preset='all')
    cfg = Config(dict(default_scope='mmpretrain', model=model, custom_hooks=[hook]))
    for part in ('model', 'backbone'):
        neurons = [m for m in build_model(cfg, part).modules() if isinstance(m, BaseNeuron)]
        assert neurons and not any(m.stateful for m in neurons)
