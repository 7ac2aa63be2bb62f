"""A run of a tiny model that sends signals to itself, or finds numbers that are not finite."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmengine.structures import BaseDataElement
from torch import nn

from spikedense.engine import GuardedRunner

_NUMBERS = itertools.count()


class Model(BaseModel):
    """A layer and a norm; each pass calls `event(mode, count)`, which can return a factor."""

    def __init__(self, event: Callable[[str, int], Any] | None = None) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(2, 3)
        self.norm = nn.BatchNorm1d(3)
        self.event, self.calls = event, {'loss': 0, 'predict': 0}

    def forward(self, inputs: Any, data_samples: Any = None, mode: str = 'loss') -> Any:
        self.calls[mode] += 1
        factor = self.event(mode, self.calls[mode]) if self.event else None
        if mode == 'predict':
            return [BaseDataElement() for _ in inputs]
        x = torch.stack(list(inputs)) * (1 if factor is None else factor)
        return {'loss_a': self.norm(self.layer(x)).square().mean(), 'loss_b': x.new_tensor(0.5)}


class Data(torch.utils.data.Dataset):
    """Images with names."""

    def __len__(self) -> int:
        return 16

    def __getitem__(self, index: int) -> dict[str, Any]:
        sample = BaseDataElement(metainfo=dict(img_path=f'{index}.png'))
        return {'inputs': torch.tensor([float(index), index % 3]), 'data_samples': sample}


class Metric(BaseMetric):
    """Counts."""

    def process(self, data_batch: Any, data_samples: Any) -> None:
        self.results.extend(data_samples)

    def compute_metrics(self, results: list) -> dict[str, float]:
        return {'images': float(len(results))}


def tiny_runner(
    work_dir: Path,
    event: Callable[[str, int], Any] | None = None,
    by_epoch: bool = False,
    workers: int = 0,
    **changed: Any,
) -> GuardedRunner:
    """Build a run of 8 iterations (or 2 epochs of 8) that validates after every fourth one."""
    loader = dict(
        batch_size=2,
        num_workers=workers,
        persistent_workers=workers > 0,
        dataset=Data(),
        sampler=dict(type='DefaultSampler', shuffle=False),
        collate_fn=dict(type='pseudo_collate'),
    )
    schedule = (
        dict(by_epoch=True, max_epochs=2)
        if by_epoch
        else dict(by_epoch=False, max_iters=8, val_interval=4)
    )
    checkpoint = dict(
        type='CheckpointHook', by_epoch=by_epoch, interval=1 if by_epoch else 100, max_keep_ckpts=1
    )
    settings: dict[str, Any] = dict(
        model=Model(event),
        work_dir=str(work_dir),
        train_dataloader=loader,
        val_dataloader=loader,
        val_evaluator=dict(type=Metric),
        val_cfg={},
        train_cfg=schedule,
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1, momentum=0.9)),
        default_hooks=dict(checkpoint=checkpoint),
        randomness=dict(seed=0),
        # mmengine keeps loggers by name and second.
        experiment_name=f'{work_dir.name}_{next(_NUMBERS)}',
        default_scope='mmengine',
    )
    return GuardedRunner(**{**settings, **changed})
