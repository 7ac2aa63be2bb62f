"""Loaders that give no batch."""

from pathlib import Path
from typing import Any

import pytest
from mmengine.dataset import BaseDataset
from mmengine.registry import DATASETS, init_default_scope

from spikedense.checks.loaders import check_end, check_length, dropped_images
from spikedense.engine import GuardedRunner
from spikedense.engine.sample_order import with_places
from spikedense.errors import UserError


@DATASETS.register_module()
class CountedImages(BaseDataset):
    """A data set of a number of images; the first ones are upright."""

    def __init__(self, number: int, upright: int = 0) -> None:
        self.number, self.upright = number, upright
        super().__init__(serialize_data=False)

    def load_data_list(self) -> list[dict]:
        return [dict(width=2, height=3 if i < self.upright else 1) for i in range(self.number)]


def loader(number: int, batch: int, upright: int = 0, **options: Any) -> Any:
    init_default_scope('mmdet')
    cfg = dict(
        batch_size=batch,
        num_workers=0,
        dataset=dict(type='CountedImages', number=number, upright=upright),
        sampler=dict(type='DefaultSampler'),
    )
    # As in a training. The loaders of other runs have the samplers themselves.
    return GuardedRunner.build_dataloader(with_places({**cfg, **options}), seed=0)


def test_less_than_a_batch() -> None:
    assert len(loader(2, 4)) == 1
    assert len(loader(4, 4, drop_last=True)) == 1
    with pytest.raises(UserError, match='2 images: batch_size=4 with drop_last=True'):
        loader(2, 4, drop_last=True)


def test_files_of_another_suffix_are_named(tmp_path: Path) -> None:
    (tmp_path / 'images').mkdir()
    (tmp_path / 'images' / 'a.PNG').touch()
    empty = dict(type='CountedImages', number=0)
    placed = dict(data_root=str(tmp_path), data_prefix=dict(img_path='images'))
    with pytest.raises(UserError, match=r"has no image.*images' end with \.PNG"):
        check_length(None, dict(dataset={**empty, **placed}))
    with pytest.raises(UserError, match=r'in the config$'):
        check_length(None, dict(dataset=empty))


def test_endless_samplers_fill_their_batches() -> None:
    made = loader(2, 4, drop_last=True, sampler=dict(type='InfiniteSampler'))
    assert len(next(iter(made.batch_sampler))) == 4


def test_images_sorted_by_their_shape() -> None:
    sorts = dict(type='AspectRatioBatchSampler', drop_last=True)
    made = loader(4, 4, batch_sampler=sorts)
    for _ in range(2):  # looking for a batch leaves nothing behind
        assert [len(batch) for batch in made.batch_sampler] == [4]
    with pytest.raises(UserError, match='4 images: batch_size=4 with drop_last=True'):
        loader(4, 4, upright=2, batch_sampler=sorts)


def test_share_of_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('mmengine.dataset.sampler.get_dist_info', lambda: (0, 2))
    monkeypatch.setattr('spikedense.checks.loaders.get_world_size', lambda: 2)
    with pytest.raises(UserError, match='has 4 images, 2 for each of 2 processes: batch_size=4'):
        loader(4, 4, drop_last=True)


def test_sampler_that_chooses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    # Without round_up the last of three processes gets no image.
    monkeypatch.setattr('mmengine.dataset.sampler.get_dist_info', lambda: (2, 3))
    monkeypatch.setattr('spikedense.checks.loaders.get_world_size', lambda: 3)
    with pytest.raises(UserError, match='0 for each of 3 processes: DefaultSampler chooses none'):
        loader(2, 1, sampler=dict(type='DefaultSampler', round_up=False))


@pytest.mark.parametrize(
    'options', [dict(batch_size=0), dict(num_workers=-1), dict(batch_size='2')]
)
def test_numbers(options: dict) -> None:
    key, value = next(iter(options.items()))
    with pytest.raises(UserError, match=f'{key}={value!r}, expected a whole number from'):
        loader(4, **{'batch': 2, **options})


def test_loader_without_an_end() -> None:
    check_end(loader(2, 1), 'val_dataloader')
    with pytest.raises(UserError, match=r'val_dataloader\.sampler=InfiniteSampler never ends'):
        check_end(loader(2, 1, sampler=dict(type='InfiniteSampler')), 'val_dataloader')


def test_images_that_are_dropped() -> None:
    assert dropped_images(loader(5, 4, drop_last=True)) == 1
    assert dropped_images(loader(5, 4)) == 0
