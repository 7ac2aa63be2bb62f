"""The firing hooks: numbers in TensorBoard's files, alarms in the log, files of a test."""

import csv
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from mmengine.model import BaseModel
from mmengine.registry import HOOKS as ROOT_HOOKS
from mmengine.runner import IterBasedTrainLoop
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from spikedense.engine import FiringRateHook, GuardedRunner
from spikedense.errors import UserError
from spikedense.neurons import NILIF, ReLU
from spikedense.utils.explain import translate

ITERATIONS = 5


class _Model(BaseModel):
    """A neuron that fires at a rate of 0.5 at two of four units, and one that is silent."""

    def __init__(self, with_cp: bool = False, twin: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([2.0, 2, 0, 0]))
        self.neuron = ReLU() if twin else NILIF(D=4)
        self.silent = ReLU() if twin else NILIF(D=4)
        self.with_cp = with_cp
        self.calls = 0
        self.neuron.register_forward_hook(self._count)

    def _count(self, *_: Any) -> None:
        self.calls += 1

    def block(self, x: Tensor) -> Tensor:
        return self.neuron(x * self.weight).square()

    def forward(self, inputs: Tensor, mode: str = 'loss') -> dict[str, Tensor]:
        x = inputs[None].requires_grad_()  # [T=1, B, C]
        y = checkpoint(self.block, x, use_reentrant=False) if self.with_cp else self.block(x)
        return {'loss': y.mean() + self.silent(-y).mean()}


class _Data(torch.utils.data.Dataset):
    metainfo = dict(classes=('one',))

    def __len__(self) -> int:
        return 2 * ITERATIONS

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {'inputs': torch.ones(4)}


def _runner(work_dir: Path, model: nn.Module, *hooks: dict) -> GuardedRunner:
    loader = dict(
        batch_size=2,
        num_workers=0,
        dataset=_Data(),
        sampler=dict(type='DefaultSampler', shuffle=False),
        collate_fn=dict(type='default_collate'),
    )
    backends = [dict(type='TensorboardVisBackend'), dict(type='LocalVisBackend')]
    return GuardedRunner(
        model=model,
        work_dir=str(work_dir),
        train_dataloader=loader,
        train_cfg=dict(type=IterBasedTrainLoop, max_iters=ITERATIONS),
        # A rate of learning that leaves the firing rates alone.
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=1e-9)),
        custom_hooks=list(hooks),
        visualizer=dict(type='Visualizer', vis_backends=backends, name=work_dir.name),
        experiment_name=work_dir.name,
        default_scope='mmengine',
    )


def _events(runner: GuardedRunner) -> dict[str, list[tuple[int, float]]]:
    runner.visualizer.close()
    events = EventAccumulator(str(Path(runner.log_dir, 'vis_data')))
    events.Reload()
    tags = [tag for tag in events.Tags()['scalars'] if tag.startswith('firing')]
    return {tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in tags}


def _log(runner: GuardedRunner) -> str:
    (path,) = Path(runner.log_dir).glob('*.log')
    return path.read_text()


MONITOR = dict(type='spikedense.FiringMonitorHook')


@pytest.mark.parametrize('with_cp', [False, True])
def test_every_second_iteration_reaches_tensorboard(tmp_path: Path, with_cp: bool) -> None:
    hook = dict(**MONITOR, interval=2, alarms=dict(min_rate=0.01))
    model = _Model(with_cp)
    runner = _runner(tmp_path / tmp_path.name, model, hook)
    runner.train()
    assert model.calls == ITERATIONS * (2 if with_cp else 1)
    assert _events(runner) == {
        # Two neurons with as many elements; of the first, units 2 and 3 are dead, of the other all.
        'firing/mean_rate': [(2, 0.125), (4, 0.125)],
        'firing/dead_units': [(2, 0.75), (4, 0.75)],
        'firing/saturated': [(2, 0), (4, 0)],
        'firing/silent_neurons': [(2, 1), (4, 1)],
        'firing_rate/neuron': [(2, 0.25), (4, 0.25)],
        'firing_rate/silent': [(2, 0), (4, 0)],
    }
    # The alarms of two measurements: one neuron, two thresholds.
    log = _log(runner)
    assert log.count('WARNING - iteration') == 4
    said = 'spike degradation: silent fires at a rate of 0, expected at least 0.01 (min_rate)'
    assert f'WARNING - iteration 2, {said}' in log
    assert 'iteration 4, dead units: 100.0% of the 4 units of silent never fire' in log
    assert len(model.neuron._forward_hooks) == 1  # the model's own
    # The log's other readers find the firing scalars in lines of their own.
    local = Path(runner.log_dir, 'vis_data', 'scalars.json').read_text().splitlines()
    assert [json.loads(line)['step'] for line in local if 'firing/' in line] == [2, 4]


def test_without_alarms_and_neurons_one_by_one(tmp_path: Path) -> None:
    hook = dict(**MONITOR, interval=ITERATIONS, per_neuron=False)
    runner = _runner(tmp_path / tmp_path.name, _Model(), hook)
    runner.train()
    events = _events(runner)
    assert len(events) == 4
    assert all([step for step, _ in values] == [ITERATIONS] for values in events.values())
    assert 'WARNING - iteration' not in _log(runner)


def test_neurons_that_do_not_run_are_told(tmp_path: Path) -> None:
    class Idle(_Model):
        def forward(self, inputs: Tensor, mode: str = 'loss') -> dict[str, Tensor]:
            return {'loss': self.weight.sum()}

    runner = _runner(tmp_path / tmp_path.name, Idle(), dict(**MONITOR, interval=4))
    runner.train()
    assert 'firing monitor: no neuron ran in iteration 4' in _log(runner)


def test_a_model_without_neurons_is_refused(tmp_path: Path) -> None:
    runner = _runner(tmp_path / tmp_path.name, _Model(twin=True), MONITOR)
    with pytest.raises(UserError, match=r'^firing monitor: _Model has no spiking neuron$'):
        runner.train()


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        (dict(interval=0), 'interval=0, expected an integer of at least 1'),
        (dict(interval=True), 'interval=True, expected an integer of at least 1'),
        (dict(interval=2.5), 'interval=2.5, expected an integer of at least 1'),
        (dict(alarms=dict(max_dead=2)), 'alarms: max_dead=2, expected a number from 0 to 1'),
        (dict(intervall=3), "did you mean 'interval'?"),
    ],
)
def test_arguments_that_make_no_sense(options: dict, said: str) -> None:
    with pytest.raises((ValueError, TypeError)) as raised:
        ROOT_HOOKS.build({**MONITOR, **options})
    sentence = translate(raised.value)
    assert sentence is not None
    assert sentence.startswith('FiringMonitorHook')
    assert said in sentence


def _test_run(hook: FiringRateHook, model: nn.Module) -> list[str]:
    """Takes a hook through two runs over a test set of one batch; the warnings of the second."""
    warnings: list[str] = []
    runner: Any = SimpleNamespace(model=model, logger=SimpleNamespace(warning=warnings.append))
    hook.before_run(runner)
    for _ in range(2):
        warnings.clear()
        hook.before_test_epoch(runner)
        model(torch.ones(2, 4))
        hook.after_test_epoch(runner)
    return warnings


def test_a_test_run_writes_a_file_and_logs_alarms(tmp_path: Path) -> None:
    path = tmp_path / 'rates.csv'
    warnings = _test_run(FiringRateHook(str(path), alarms=dict(max_rate=0.2)), _Model())
    with path.open(newline='') as file:
        first, second = csv.DictReader(file)
    assert (first['neuron'], first['rate'], first['elements']) == ('neuron', '0.25', '8')
    assert (second['neuron'], second['dead']) == ('silent', '4')
    assert [text.partition(':')[0] for text in warnings] == [
        'excess firing',
        'spike degradation',
        'dead units',
    ]
    assert _test_run(FiringRateHook(str(tmp_path / 'rates.json')), _Model()) == []
    assert json.loads((tmp_path / 'rates.json').read_text())['neuron']['always_on'] == 2


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    runner: Any = SimpleNamespace(model=_Model())
    with pytest.raises(
        UserError, match=r"^firing rates: '.*rates\.txt' has the suffix '\.txt', ex"
    ):
        FiringRateHook(str(tmp_path / 'rates.txt')).before_run(runner)
