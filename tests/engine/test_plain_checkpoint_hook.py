"""Checkpoints that can be read without running anything."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmengine.hooks import EMAHook
from mmengine.logging import HistoryBuffer
from mmengine.model import BaseModel
from tiny_run import TinyData, tiny_loader
from torch import nn

from spikedense.apis.publish import publish
from spikedense.checkpoint_files import load_file
from spikedense.engine import GuardedRunner
from spikedense.weights import read_checkpoint, read_state_dict


class _Model(BaseModel):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 3)

    def forward(self, inputs: Any, mode: str = 'loss') -> Any:
        loss = self.layer(inputs).square().mean()
        return {'loss': loss} if mode == 'loss' else [{'loss': loss.item()}]


class _Data(TinyData):
    metainfo = {'classes': ('a', 'b'), 'palette': np.arange(6).reshape(2, 3)}

    def __len__(self) -> int:
        return 8


class _Metric(BaseMetric):
    def process(self, data_batch: Any, data_samples: Any) -> None:
        self.results += [each['loss'] for each in data_samples]

    def compute_metrics(self, results: list) -> dict:
        return {'score': np.float64(np.mean(results))}


def _runner(work_dir: Path, epochs: int, **kwargs: Any) -> GuardedRunner:
    torch.manual_seed(0)
    loader = {**tiny_loader(), 'dataset': _Data()}
    return GuardedRunner(
        model=_Model(),
        work_dir=str(work_dir),
        train_dataloader=loader,
        val_dataloader=loader,
        train_cfg=dict(by_epoch=True, max_epochs=epochs, val_interval=1),
        val_cfg=dict(),
        val_evaluator=[_Metric()],
        optim_wrapper=dict(optimizer=dict(type='Adam', lr=0.1)),
        param_scheduler=dict(type='LinearLR', start_factor=0.5, end=4, by_epoch=False),
        default_hooks=dict(
            logger=dict(type='LoggerHook', interval=1),
            checkpoint=dict(type='CheckpointHook', interval=1, save_best='score', rule='less'),
        ),
        custom_hooks=[dict(type='EMAHook')],
        randomness=dict(seed=0),
        experiment_name=f'{work_dir.name}-{epochs}',
        default_scope='mmengine',
        **kwargs,
    )


def test_torch_reads_the_checkpoints_of_a_run(tmp_path: Path) -> None:
    _runner(tmp_path, 2).train()
    for name in ('epoch_1', 'epoch_2', 'best_score_epoch_2'):
        # Without a list of our own.
        saved = torch.load(tmp_path / f'{name}.pth', weights_only=True)
        assert saved['meta']['dataset_meta']['palette'] == [[0, 1, 2], [3, 4, 5]]
        assert isinstance(saved['message_hub']['runtime_info']['best_score'], float)
        assert 'ema_state_dict' in saved and saved['state_dict']._metadata['layer'] == {
            'version': 1
        }


def test_a_resumed_curve_goes_on(tmp_path: Path) -> None:
    whole = _runner(tmp_path / 'whole', 2)
    whole.train()
    _runner(tmp_path / 'parts', 1).train()
    first = tmp_path / 'parts' / 'epoch_1.pth'
    parts = _runner(tmp_path / 'parts', 2, load_from=str(first), resume=True)
    parts.train()
    logs = [runner.message_hub.log_scalars for runner in (whole, parts)]
    assert logs[0].keys() == logs[1].keys()
    for history in zip(logs[0]['train/loss'].data, logs[1]['train/loss'].data, strict=True):
        assert len(history[0]) == 4 and np.array_equal(*history)
    assert all(type(log) is HistoryBuffer for log in logs[1].values())


def test_a_checkpoint_of_mmengine_itself_is_read(tmp_path: Path) -> None:
    runner = _runner(tmp_path, 1)
    runner._hooks = [hook for hook in runner.hooks if type(hook).__name__ != 'PlainCheckpointHook']
    runner.train()
    loss = load_file(tmp_path / 'epoch_1.pth')['message_hub']['log_scalars']['train/loss']
    assert loss.mean() == runner.message_hub.get_scalar('train/loss').mean()


def test_the_averaged_weights_are_published(tmp_path: Path) -> None:
    runner = _runner(tmp_path, 2)
    runner.train()
    published = publish(str(tmp_path / 'epoch_2.pth'), tmp_path / 'a.safetensors')
    averaged = next(hook for hook in runner.hooks if isinstance(hook, EMAHook)).ema_model.module
    state = read_state_dict(read_checkpoint(published.path))
    assert torch.equal(state['layer.weight'], averaged.layer.weight)
    assert not torch.equal(state['layer.weight'], runner.model.layer.weight)
