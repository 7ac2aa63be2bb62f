"""Normalised images of one size, for the analysis of a model."""

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import DATASETS, DefaultScope
from torch import Tensor, nn

from spikedense.checks.channels import check_channels, known_channels
from spikedense.errors import UserError
from spikedense.utils.images import random_images

from .config import read_config
from .inputs import list_images


def images_of(
    cfg: Config,
    model: nn.Module,
    size: tuple[int, int],
    number: int,
    data: str | None = None,
) -> tuple[Iterator[Tensor], str]:
    """Give normalised images of one size, one after the other, and say where they come from.

    Args:
        cfg: The config. Its test set and test pipeline are used.
        model: The model. Its data preprocessor normalises the images.
        size: Height and width. A larger image is cut to its centre, a smaller one is padded with
            zeros, the mean after the normalisation.
        number: Number of images, at most.
        data: ``'test'`` for the test set of the config, ``'random'`` for normal noise, or a file,
            folder or pattern of images; None for the test set if it exists, else noise.

    Returns:
        An iterator of batches ``[1, C, H, W]``, and a phrase for the report.

    Raises:
        UserError: There are no such images.
    """
    if number < 1 or min(size) < 1:
        raise UserError(f'{number} images of {size}, expected positive numbers')
    if data is None:
        data = 'test' if _test_set(cfg) is not None else 'random'
    if data == 'random':
        return _noise(model, size, number), 'normal noise (rates of noise, not of images)'
    if data == 'test':
        dataset = _test_set(cfg)
        if dataset is None:
            raise UserError('the test set of the config is not there; give --data FOLDER or random')
        number = min(number, len(dataset))
        samples = (dataset[i * len(dataset) // number] for i in range(number))
        source = source_of_test_set(number, len(dataset))
        return _prepared(cfg, model, samples, size), source
    files = list_images(data, iter(()))[:number]
    return _prepared(cfg, model, _read(cfg, files), size), source_of_files(len(files), data)


def source_of_test_set(number: int, length: int) -> str:
    """Return the phrase for images of the test set, the same in all reports.

    Args:
        number: Number of images.
        length: Number of images in the test set.
    """
    return f'the test set of the config ({number} of {length} images)'


def source_of_files(number: int, data: str) -> str:
    """Return the phrase for images in files, the same in all reports.

    Args:
        number: Number of images.
        data: File, folder or pattern of the images.
    """
    return f"the files of '{data}' ({number} images)"


def _test_set(cfg: Config) -> Any:
    """Build the test set; return None if its files are missing."""
    loader = cfg.get('test_dataloader')
    if loader is None:
        return None
    scope = cfg.get('default_scope', 'mmseg')
    with DefaultScope.overwrite_default_scope(scope):
        try:
            dataset: Any = DATASETS.build(loader.dataset)
            return dataset if len(dataset) else None
        except FileNotFoundError:
            return None


def _noise(model: nn.Module, size: tuple[int, int], number: int) -> Iterator[Tensor]:
    generator = torch.Generator().manual_seed(0)
    for _ in range(number):
        yield random_images(model, size, generator=generator)


def _read(cfg: Config, files: list[Any]) -> Iterator[dict[str, Any]]:
    pipeline = read_config(cfg).test_dataloader.dataset.pipeline
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mmseg')):
        steps = Compose(pipeline)
    for image in files:
        yield steps(dict(img_path=image.path))


def _prepared(
    cfg: Config, model: Any, samples: Iterator[dict[str, Any]], size: tuple[int, int]
) -> Iterator[Tensor]:
    """Return an iterator over what the network sees of samples, brought to one size."""
    # Found out now, before somebody counts what the model does.
    return _sized(cfg, model, samples, size, known_channels(model))


def _sized(
    cfg: Config,
    model: Any,
    samples: Iterator[dict[str, Any]],
    size: tuple[int, int],
    channels: int | None,
) -> Iterator[Tensor]:
    for sample in samples:
        path = getattr(sample.get('data_samples'), 'img_path', 'an image of the data set')
        check_channels(model, sample['inputs'], path, channels)
        with DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mmseg')):
            batch = dict(inputs=[sample['inputs']], data_samples=[sample.get('data_samples')])
            images = model.data_preprocessor(batch, False)['inputs']
        yield centred(images if isinstance(images, Tensor) else torch.stack(list(images)), size)


def centred(images: Tensor, size: tuple[int, int]) -> Tensor:
    """Cut images to their centre, or pad them with zeros on all sides.

    Args:
        images: ``[B, C, H, W]``.
        size: Height and width of the result.

    Returns:
        ``[B, C, *size]``.
    """
    missing = [wanted - have for wanted, have in zip(size, images.shape[-2:], strict=True)]
    (top, bottom), (left, right) = ((m // 2, m - m // 2) for m in missing)
    return F.pad(images, (left, right, top, bottom))
