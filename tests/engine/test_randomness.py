"""A run that is resumed gives the same weights, bit by bit, as the run in one piece."""

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmcv.cnn.bricks import DropPath
from mmcv.transforms import RandomFlip, RandomResize
from mmdet.datasets.samplers import AspectRatioBatchSampler
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.structures import BaseDataElement
from mmseg.datasets.transforms import PhotoMetricDistortion, RandomCrop
from torch import nn

from spikedense.engine import GuardedRunner
from spikedense.engine.randomness import SeededReads
from spikedense.engine.sample_order import Placed

SIZE, IMAGES, BATCH = 16, 10, 4


class _Images(torch.utils.data.Dataset):
    """Images in memory, with the augmentations of a segmenter; counts what is read."""

    def __init__(self) -> None:
        self.images = np.random.default_rng(0).integers(0, 256, (IMAGES, 24, 24, 3), np.uint8)
        self.read: list[int] = []
        self.steps: list[Callable[[dict], dict]] = [
            RandomResize(scale=(SIZE, SIZE), ratio_range=(1.0, 2.0), keep_ratio=True),
            RandomCrop((SIZE, SIZE), cat_max_ratio=0.75),
            RandomFlip(prob=0.5),
            PhotoMetricDistortion(),
        ]

    def __len__(self) -> int:
        return IMAGES

    def get_data_info(self, index: int) -> dict[str, int]:
        return {'width': 20 + index % 2 * 10, 'height': 25}

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        assert type(index) is int
        self.read.append(index)
        image = self.images[index]
        labels = (image[..., 0] > 128).astype(np.uint8)
        results = {'img': image.copy(), 'gt_seg_map': labels, 'seg_fields': ['gt_seg_map']}
        for step in self.steps:
            results = step(results)
        noise = random.random() + np.random.rand() + float(torch.rand(()))
        image = np.array(results['img'], np.float32).transpose(2, 0, 1) / 255 + noise
        return {'inputs': torch.from_numpy(image)}


class _Net(BaseModel):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.second = nn.Conv2d(4, 4, 1)
        self.drop_path, self.dropout = DropPath(0.5), nn.Dropout(0.3)

    def forward(self, inputs: torch.Tensor, mode: str = 'tensor') -> Any:
        x = self.norm(self.first(inputs))
        x = self.dropout(x + self.drop_path(self.second(x)))
        # What the loss samples, as the points of Mask2Former.
        points = torch.rand(4) * np.random.rand() * random.random()
        loss = (x.float().mean((0, 2, 3)) * points).sum() + x.float().std()
        return {'loss': loss} if mode == 'loss' else [BaseDataElement()]


class _Draws(BaseMetric):
    """A metric that draws random numbers."""

    def process(self, *_: Any, **__: Any) -> None:
        random.random(), np.random.rand(), torch.rand(1)

    def evaluate(self, size: int) -> dict[str, float]:
        return {}

    def compute_metrics(self, results: list) -> dict[str, float]:
        return {}


class _Losses(Hook):
    def __init__(self) -> None:
        self.losses: dict[int, float] = {}

    def after_train_iter(self, runner: Any, batch_idx: int, data_batch: Any, outputs: Any) -> None:
        self.losses[runner.iter] = float(outputs['loss'].detach())


def _config(work_dir: Path, **changes: Any) -> dict[str, Any]:
    loader = dict(
        batch_size=BATCH,
        num_workers=0,
        persistent_workers=True,
        dataset=_Images(),
        sampler=dict(type='InfiniteSampler', shuffle=True),
        collate_fn=dict(type='default_collate'),
    )
    loader.update(changes.pop('loader', {}))
    cfg = dict(
        model=_Net(),
        work_dir=str(work_dir),
        train_dataloader=loader,
        train_cfg=dict(by_epoch=False, max_iters=6),
        optim_wrapper=dict(optimizer=dict(type='AdamW', lr=0.1), clip_grad=dict(max_norm=1.0)),
        param_scheduler=[
            dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=2),
            dict(type='PolyLR', by_epoch=False, begin=2, end=6),
        ],
        default_hooks=dict(checkpoint=dict(type='CheckpointHook', interval=3, by_epoch=False)),
        randomness=dict(seed=3),
        experiment_name=f'{work_dir.parent.name}_{work_dir.name}',
        default_scope='mmengine',
    )
    for key in ('optim_wrapper', 'default_hooks'):
        cfg[key].update(changes.pop(key, {}))
    return cfg | changes


def _train(cfg: dict[str, Any]) -> tuple[GuardedRunner, dict[str, Any]]:
    """Train; return the runner and the losses and tensors that a checkpoint would keep."""
    random.seed()
    np.random.seed()
    torch.seed()
    runner = GuardedRunner(**cfg)
    losses = _Losses()
    runner.register_hook(losses)
    runner.train()
    # The processes of a loader end late if the garbage collector finds them.
    runner.train_loop.dataloader_iterator = runner.train_dataloader._iterator = None
    if torch.distributed.is_initialized():
        torch.distributed.barrier()  # the first process saves
    last = Path(runner.work_dir, 'last_checkpoint').read_text()
    saved = torch.load(last, weights_only=False)
    kept = ('state_dict', 'ema_state_dict', 'optimizer', 'param_schedulers')
    state = {f'{key}.{k}': v for key in kept for k, v in _flat(saved.get(key, {}))}
    return runner, {**state, **{f'loss {i}': x for i, x in losses.losses.items()}}


def _flat(value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, dict | list | tuple):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return [(f'{key}.{k}', v) for key, inner in items for k, v in _flat(inner)]
    return [('', value)]


def _differing(whole: dict[str, Any], parts: dict[str, Any]) -> list[str]:
    """Names of the entries of the resumed run that the whole run does not have."""
    assert {key for key in whole if 'loss' not in key} <= set(parts)
    return [
        key
        for key, value in parts.items()
        if not (torch.equal(value, whole[key]) if torch.is_tensor(value) else value == whole[key])
    ]


def _check(
    tmp_path: Path, *, at: str = 'iter_3.pth', resumed: dict[str, Any] | None = None, **changes: Any
) -> tuple[GuardedRunner, dict[str, Any]]:
    """Train in one piece and from a checkpoint on, and compare; return the resumed run."""
    _, whole = _train(_config(tmp_path / 'whole', **changes))
    checkpoint = str(tmp_path / 'whole' / at)
    changes |= dict(load_from=checkpoint, resume=True, **(resumed or {}))
    runner, parts = _train(_config(tmp_path / 'parts', **changes))
    assert _differing(whole, parts) == []
    return runner, parts


EPOCHS = dict(
    train_cfg=dict(by_epoch=True, max_epochs=3),
    loader=dict(sampler=dict(type='DefaultSampler', shuffle=True)),
    # Three batches an epoch, so that the fifth is inside of the second.
    default_hooks=dict(checkpoint=dict(type='CheckpointHook', interval=1, by_epoch=False)),
)
VALIDATION = dict(
    val_dataloader=dict(
        batch_size=1,
        num_workers=0,
        dataset=_Images(),
        sampler=dict(type='DefaultSampler', shuffle=True),
        collate_fn=dict(type='default_collate'),
    ),
    val_cfg=dict(),
    val_evaluator=[dict(type=_Draws)],
)


@pytest.mark.parametrize(
    ('changes', 'resumed'),
    [
        (dict(randomness=dict(seed=None)), {}),
        (dict(loader=dict(num_workers=2)), {}),
        (
            dict(loader=dict(num_workers=2), randomness=dict(seed=None)),
            dict(loader=dict(num_workers=3, prefetch_factor=3)),
        ),
        ({**VALIDATION, 'train_cfg': dict(by_epoch=False, max_iters=6, val_interval=2)}, {}),
        (VALIDATION, dict(val_cfg=None, val_dataloader=None, val_evaluator=None)),
        (dict(loader=dict(sampler=dict(type='DefaultSampler'), drop_last=True)), {}),
        (
            dict(
                loader=dict(
                    sampler=dict(type='DefaultSampler'),
                    batch_sampler=dict(type=AspectRatioBatchSampler),
                )
            ),
            {},
        ),
        (dict(custom_hooks=[dict(type='EMAHook', momentum=0.3, begin_iter=1)]), {}),
        (dict(custom_hooks=[dict(type='EMAHook', momentum=0.3, update_buffers=True)]), {}),
        (dict(optim_wrapper=dict(type='spikedense.BFloat16OptimWrapper')), {}),
        (dict(optim_wrapper=dict(accumulative_counts=2)), {}),
        (dict(randomness=dict(seed=2, diff_rank_seed=True)), {}),
    ],
    ids=[
        'no_seed',
        'workers',
        'more_workers',
        'validation',
        'no_validation',
        'passes',
        'aspect_ratio',
        'average',
        'average_of_buffers',
        'bfloat16',
        'accumulation',
        'diff_rank_seed',
    ],
)
def test_iterations(tmp_path: Path, changes: dict, resumed: dict) -> None:
    runner, _ = _check(tmp_path, resumed=resumed, **changes)
    # Images of the iterations that are done are not read again.
    assert len(runner.train_dataloader.dataset.read) <= 3 * BATCH


@pytest.mark.parametrize('at', ['iter_2.pth', 'iter_3.pth', 'iter_5.pth'])
def test_epochs(tmp_path: Path, at: str) -> None:
    runner, _ = _check(tmp_path, at=at, **EPOCHS)
    assert (runner.epoch, runner.iter) == (3, 9)


def test_epochs_saved_at_their_end_with_workers(tmp_path: Path) -> None:
    hooks = dict(checkpoint=dict(type='CheckpointHook', interval=1))
    loader = dict(num_workers=2, **EPOCHS['loader'])
    _check(tmp_path, at='epoch_1.pth', **{**EPOCHS, 'default_hooks': hooks, 'loader': loader})


def _rank(rank: int, folder: Path) -> None:
    """Compare whole and parts in one of two processes."""
    # The threads of OpenMP do not outlive a fork.
    torch.set_num_threads(1)
    os.environ.update(RANK=str(rank), WORLD_SIZE='2', LOCAL_RANK=str(rank))
    store = f'file://{folder}/store'
    torch.distributed.init_process_group('gloo', init_method=store, rank=rank, world_size=2)
    wrapper = dict(type='MMDistributedDataParallel', device_ids=None, find_unused_parameters=True)
    cfg = dict(launcher='pytorch', cfg=dict(model_wrapper_cfg=wrapper))
    runner, _ = _check(folder, randomness=dict(seed=None), **cfg)
    (folder / str(rank)).write_text(str(runner.train_dataloader.dataset.read))
    torch.distributed.destroy_process_group()


def test_two_processes(tmp_path: Path) -> None:
    torch.multiprocessing.start_processes(_rank, (tmp_path,), nprocs=2, start_method='fork')
    read = [(tmp_path / str(rank)).read_text() for rank in range(2)]
    assert read[0] != read[1]


def test_lost_gradients_are_told(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    _train(_config(tmp_path / 'one'))
    resumed = dict(load_from=str(tmp_path / 'one' / 'iter_3.pth'), resume=True)
    _train(_config(tmp_path / 'two', optim_wrapper=dict(accumulative_counts=2), **resumed))
    output = capsys.readouterr().out
    assert 'iteration 3 is inside of a step of accumulative_counts iterations' in output
    assert 'Resumed iteration number is not divisible' not in output


def test_another_seed_is_kept_and_told(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    _train(_config(tmp_path / 'first'))
    capsys.readouterr()
    resumed = dict(load_from=str(tmp_path / 'first' / 'iter_3.pth'), resume=True)
    runner, _ = _train(_config(tmp_path / 'second', randomness=dict(seed=5), **resumed))
    assert (
        "iter_3.pth' was trained with seed 3, but this run has the seed 5"
        in capsys.readouterr().out
    )
    last = torch.load(tmp_path / 'second' / 'iter_6.pth', weights_only=False)
    assert last['meta']['seed'] == runner.seed == runner.train_dataloader.sampler.seed == 5


def test_samples_differ_and_leave_the_generators_alone() -> None:
    images = _Images()
    reads = SeededReads(images, seed=3)
    places = [(0, 0), (0, 1), (1, 0), (0, 0)]
    torch.manual_seed(0), random.seed(0), np.random.seed(0)
    expected = float(torch.rand(())), random.random(), float(np.random.rand())
    torch.manual_seed(0), random.seed(0), np.random.seed(0)
    first, place, epoch, again = (
        sample['inputs'] for sample in reads([Placed(7, place) for place in places])
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, place)
    assert not torch.equal(first, epoch)
    assert (float(torch.rand(())), random.random(), float(np.random.rand())) == expected
    # An index of another batch sampler is read as ever.
    assert not torch.equal(*(reads([7])[0]['inputs'] for _ in range(2)))
