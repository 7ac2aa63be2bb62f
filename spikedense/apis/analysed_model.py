"""A model and images for the analysis tools, from a config and, if there is one, a checkpoint."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import DATASETS, MODELS, DefaultScope, init_default_scope
from torch import Tensor, nn

from spikedense.engine.model_check import check_widths
from spikedense.weights import load, read_checkpoint, read_state_dict

from .errors import UserError
from .inference_config import read_config
from .inference_inputs import list_images
from .launch import load_config
from .work_dir import existing_checkpoint


def build_model(cfg: Config, checkpoint: str | Path | None = None) -> nn.Module:
    """Builds the model of a config in eval mode, its weights from a checkpoint or random.

    Args:
        cfg: the config.
        checkpoint: file; None leaves the weights as they are initialised (nothing is downloaded).

    Returns:
        The model.

    Raises:
        UserError: The checkpoint is missing, cannot be read or does not fit, key by key.
    """
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    model: Any = MODELS.build(cfg.model)
    check_widths(model)
    if checkpoint is None:
        return model.eval()
    path = existing_checkpoint(str(checkpoint))
    load(model, read_state_dict(read_checkpoint(path)), path)
    return model.eval()


def open_model(
    config: str, checkpoint: str | None = None, cfg_options: Mapping[str, Any] | None = None
) -> tuple[Config, nn.Module]:
    """Reads a config and builds its model; see :func:`build_model`.

    Args:
        config: Path of a config, or the name of one that is shipped.
        checkpoint: file, or None.
        cfg_options: Dotted keys and the values that replace the config's.

    Returns:
        The config and the model.
    """
    cfg = load_config(config, cfg_options, None, 'none')
    return cfg, build_model(cfg, checkpoint)


def images_of(
    cfg: Config,
    model: nn.Module,
    size: tuple[int, int],
    number: int,
    data: str | None = None,
) -> tuple[Iterator[Tensor], str]:
    """Normalised images of one size, one after the other, and where they come from.

    Args:
        cfg: the config, whose test set and test pipeline are used.
        model: the model, which normalises.
        size: height and width: an image is cut to its centre, or padded by its mean.
        number: how many, at most.
        data: ``'test'`` for the config's test set, ``'random'`` for normal noise, or a file, folder
            or pattern of images; None takes the test set where it is there, else noise.

    Returns:
        Batches ``[1, 3, H, W]`` and a phrase for the report.

    Raises:
        UserError: There are no such images.
    """
    if number < 1 or min(size) < 1:
        raise UserError(f'{number} images of {size}, expected positive numbers')
    if data is None:
        data = 'test' if _test_set(cfg) is not None else 'random'
    if data == 'random':
        return _noise(size, number), 'normal noise (rates of noise, not of images)'
    if data == 'test':
        dataset = _test_set(cfg)
        if dataset is None:
            raise UserError('the test set of the config is not there; give --data FOLDER or random')
        number = min(number, len(dataset))
        samples = (dataset[i * len(dataset) // number] for i in range(number))
        return _prepared(cfg, model, samples, size), f'the test set of the config ({number})'
    files = list_images(data, iter(()))[:number]
    return _prepared(cfg, model, _read(cfg, files), size), f"{len(files)} file(s) of '{data}'"


def _test_set(cfg: Config) -> Any:
    """The test set; None where its files are missing."""
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


def _noise(size: tuple[int, int], number: int) -> Iterator[Tensor]:
    generator = torch.Generator().manual_seed(0)
    for _ in range(number):
        yield torch.randn(1, 3, *size, generator=generator)


def _read(cfg: Config, files: list[Any]) -> Iterator[dict[str, Any]]:
    pipeline = read_config(cfg).test_dataloader.dataset.pipeline
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mmseg')):
        steps = Compose(pipeline)
    for image in files:
        yield steps(dict(img_path=image.path))


def _prepared(
    cfg: Config, model: Any, samples: Iterator[dict[str, Any]], size: tuple[int, int]
) -> Iterator[Tensor]:
    """What the network would see of samples, brought to one size."""
    for sample in samples:
        with DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mmseg')):
            batch = dict(inputs=[sample['inputs']], data_samples=[sample.get('data_samples')])
            images = model.data_preprocessor(batch, False)['inputs']
        yield centred(images if isinstance(images, Tensor) else torch.stack(list(images)), size)


def centred(images: Tensor, size: tuple[int, int]) -> Tensor:
    """Cuts images to their centre, or pads them with zeros (the mean): ``[B, C, *size]``."""
    missing = [wanted - have for wanted, have in zip(size, images.shape[-2:], strict=True)]
    (top, bottom), (left, right) = ((m // 2, m - m // 2) for m in missing)
    return F.pad(images, (left, right, top, bottom))
