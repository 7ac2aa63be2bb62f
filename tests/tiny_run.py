"""A run of a model of two layers: it trains, validates and saves in milliseconds."""

import itertools
from pathlib import Path
from typing import Any

import torch
from mmengine.evaluator import BaseMetric, Evaluator
from mmengine.logging import MessageHub
from mmengine.model import BaseModel
from torch import Tensor, nn

from spikedense.engine import GuardedRunner

_RUNS = itertools.count()


class TinyModel(BaseModel):
    """Two layers; the loss is the mean square of their output."""

    def __init__(self, width: int = 3) -> None:
        super().__init__()
        self.first = nn.Linear(2, width)
        self.norm = nn.BatchNorm1d(width)

    def forward(self, inputs: Tensor, mode: str = 'loss') -> Any:
        """Return the loss, or an empty prediction."""
        if mode == 'predict':
            return [{}]
        return {'loss': self.norm(self.first(inputs)).square().mean()}


class TinyData(torch.utils.data.Dataset):
    """More vectors than a run needs: mmengine sleeps for two seconds before a second epoch."""

    def __init__(self, length: int = 10000) -> None:
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {'inputs': torch.full((2,), float(index))}


class Rising(BaseMetric):
    """A metric that is better each time: the number of iterations."""

    def process(self, data_batch: Any, data_samples: Any) -> None:
        """Keep something: mmengine warns of a metric without results."""
        self.results.append(0)

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Return a value above all earlier ones."""
        return {'acc': float(MessageHub.get_current_instance().get_info('iter'))}


def tiny_loader(length: int = 10000) -> dict[str, Any]:
    """Return the config of a loader of so many vectors."""
    return dict(
        batch_size=4,
        num_workers=0,
        dataset=TinyData(length),
        sampler=dict(type='DefaultSampler', shuffle=False),
        collate_fn=dict(type='default_collate'),
    )


def tiny_runner(
    work_dir: Path, iterations: int, checkpoint: Any, val_interval: int | None = None, **more: Any
) -> GuardedRunner:
    """Make the runner of a run of iterations.

    Args:
        work_dir: The folder of the run.
        iterations: The number of iterations.
        checkpoint: The config of the checkpoint hook; None for the one of mmengine.
        val_interval: Iterations between two validations; None for no validation.
        **more: Further arguments of the runner.
    """
    hooks = {} if checkpoint is None else dict(checkpoint=checkpoint)
    validation: dict[str, Any] = {}
    if val_interval is not None:
        validation = dict(
            val_dataloader=tiny_loader(4), val_evaluator=Evaluator(Rising()), val_cfg=dict()
        )
    parts: dict[str, Any] = dict(
        model=TinyModel(),
        experiment_name=f'{work_dir}{next(_RUNS)}'.replace('/', '_'),
        work_dir=str(work_dir),
        train_dataloader=tiny_loader(),
        train_cfg=dict(by_epoch=False, max_iters=iterations, val_interval=val_interval or 10**6),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        default_hooks=hooks,
        log_processor=dict(by_epoch=False),
        # The root's: another test of this process may have left a library's scope behind.
        default_scope='mmengine',
    )
    return GuardedRunner(**{**parts, **validation, **more})
