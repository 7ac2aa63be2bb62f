"""Errors of a run as one sentence."""

import errno
from typing import Any

import pytest
import torch
from mmcv.transforms import BaseTransform
from mmengine.dataset import BaseDataset, Compose
from mmengine.evaluator import BaseMetric
from mmengine.structures import BaseDataElement
from torch import nn
from torch.utils.data import DataLoader

from spikedense.checks.named_samples import NamedSamples, name_samples
from spikedense.utils.explain import translate


class BaseLoop:
    """A loop as the explanations know it: by the names of its classes."""

    def __init__(self, model: Any = None) -> None:
        self.runner = type('Runner', (), {'model': model})()

    def run(self, data_batch: Any, step: Any) -> None:
        step(data_batch)


class ValLoop(BaseLoop):
    pass


class TestLoop(BaseLoop):
    __test__ = False


def _said(step: Any, data_batch: Any = None, loop: Any = None) -> str | None:
    with pytest.raises(BaseException) as caught:
        (loop or BaseLoop()).run(data_batch, step)
    return translate(caught.value)


def _raises(exc: BaseException) -> Any:
    def step(_: Any) -> None:
        raise exc

    return step


@pytest.mark.parametrize(
    ('kind', 'text'),
    [
        (torch.OutOfMemoryError, 'CUDA out of memory. Tried to allocate 2.00 GiB'),
        (RuntimeError, "DefaultCPUAllocator: can't allocate memory: you tried to allocate 9"),
        (MemoryError, ''),
    ],
)
def test_memory_names_the_loader_of_the_phase(kind: type[BaseException], text: str) -> None:
    for loop, key in ((BaseLoop(), 'train'), (ValLoop(), 'val'), (TestLoop(), 'test')):
        said = _said(_raises(kind(text)), loop=loop)
        assert said.startswith('out of') and f'{key}_dataloader.batch_size' in said


def test_a_full_disk_behind_an_error_of_torch() -> None:
    def save(_: Any) -> None:
        try:
            raise OSError(errno.ENOSPC, 'No space left on device', 'iter_2.pth')
        except OSError:
            raise RuntimeError('unexpected pos 64 vs 0')  # noqa: B904

    assert _said(save) == "cannot write 'iter_2.pth': no space is left on the disk"


def test_a_process_that_lost_another_one() -> None:
    text = '[gloo/transport/tcp/pair.cc:547] Connection closed by peer [127.0.0.1]:8072'
    assert 'another process of this run has ended' in _said(_raises(RuntimeError(text)))


def test_a_worker_that_was_killed() -> None:
    text = 'DataLoader worker (pid(s) 12) exited unexpectedly'
    said = _said(_raises(RuntimeError(text)), loop=ValLoop())
    assert said.startswith('val_dataloader: ') and 'num_workers=0' in said


def test_images_of_several_sizes_in_a_batch() -> None:
    samples = [BaseDataElement(metainfo=dict(img_path=f'{name}.png')) for name in 'ab']
    batch = dict(inputs=[torch.zeros(3, 4, 4), torch.zeros(3, 4, 6)], data_samples=samples)
    said = _said(lambda batch: torch.stack(batch['inputs']), batch, TestLoop())
    assert "(4x4 in 'a.png', 4x6 in 'b.png')" in said and 'test_dataloader.batch_size=1' in said
    # The same error of a model is not about the images.
    same = dict(batch, inputs=[torch.zeros(3, 4, 4)] * 2)
    assert _said(lambda _: torch.stack(batch['inputs']), same) is None


def test_a_label_that_is_no_class() -> None:
    head = nn.Linear(2, 3)
    head.num_classes, head.ignore_index = 3, 255
    labels = torch.tensor([[0, 7, 255]])
    sample = BaseDataElement(metainfo=dict(img_path='a.jpg', seg_map_path='a.png'))
    sample.gt_sem_seg = BaseDataElement(data=labels)
    model = nn.Module()
    model.decode_head = head

    def step(_: Any) -> None:
        nn.functional.nll_loss(torch.zeros(3, 3), labels[0], ignore_index=255)

    said = _said(step, dict(data_samples=[sample]), BaseLoop(model))
    assert said.startswith("'a.png' holds the labels 7, but model.decode_head has num_classes=3")


def test_a_metric_of_a_library_says_what_is_wrong() -> None:
    class Metric(BaseMetric):
        process = compute_metrics = None

    def build(_: Any) -> None:
        Metric(collect_device='gpu', collect_dir='somewhere')

    said = _said(build, loop=TestLoop())
    assert said.startswith('test_evaluator: Metric: ') and 'could only be configured' in said


def test_an_error_of_ones_own_code_keeps_its_traceback() -> None:
    assert _said(_raises(ValueError('a long text of a bug'))) is None


class _Unreadable(BaseTransform):
    def transform(self, results: dict) -> dict:
        raise OSError('image file is truncated')


class _Bug(BaseTransform):
    def transform(self, results: dict) -> dict:
        return results['nothing']


class _Images(BaseDataset):
    def __init__(self, step: BaseTransform) -> None:
        super().__init__(pipeline=[step], serialize_data=False)

    def load_data_list(self) -> list[dict]:
        return [dict(img_path='a.jpg', seg_map_path='a.png')]


@pytest.mark.parametrize('workers', [0, 1])
def test_an_image_that_cannot_be_read(workers: int) -> None:
    dataset = _Images(_Unreadable())
    name_samples(dataset)
    said = _said(lambda _: next(iter(DataLoader(dataset, num_workers=workers))), loop=ValLoop())
    assert said.startswith('reading the data of val_dataloader failed: OSError: image file is')
    assert "(img_path='a.jpg', seg_map_path='a.png', step _Unreadable)" in said


@pytest.mark.parametrize('workers', [0, 1])
def test_a_bug_of_a_step_keeps_its_traceback(workers: int) -> None:
    dataset = _Images(_Bug())
    name_samples(dataset)
    assert _said(lambda _: next(iter(DataLoader(dataset, num_workers=workers)))) is None


def test_a_named_pipeline_does_the_same_steps() -> None:
    steps = [lambda x: dict(x, a=1), lambda x: None if x['stop'] else x, lambda x: dict(x, b=2)]
    for stop in (True, False):
        plain = Compose(steps)
        assert NamedSamples(plain)(dict(stop=stop)) == plain(dict(stop=stop))
