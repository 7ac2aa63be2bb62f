"""The check that a loader of data gives at least one batch."""

from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from mmengine.dataset import DefaultSampler
from mmengine.dist import get_world_size
from torch.utils.data import DataLoader

from spikedense.errors import UserError

_FILES_LISTED = 1000
_DATA_KEYS = ('data_root', 'data_prefix', 'ann_file', 'img_suffix')
# Samplers that never end, so that their length says nothing of the number of batches.
_ENDLESS = {'InfiniteSampler', 'MultiSourceSampler', 'GroupMultiSourceSampler'}


def check_length(loader: DataLoader | None, dataloader: DataLoader | dict) -> None:
    """Check that a loader gives a batch in each process.

    mmengine trains and judges without an iteration otherwise, and says nothing.

    Args:
        loader: The loader; None if its data set could not be packed, because it is empty.
        dataloader: The loader or its config, for the message.

    Raises:
        UserError: The data set is empty, or has fewer images than a batch, of which the rest is
            dropped.
    """
    name, where = _described(dataloader)
    if loader is None or len(loader.dataset) == 0:  # type: ignore[arg-type]
        raise UserError(
            f'the data set {name} has no image ({where}): check the folders, the annotation file '
            f'and the file suffixes in the config{_suffixes_there(dataloader)}'
        )
    if is_endless(loader) or _gives_batch(loader):
        return
    number, processes = len(loader.dataset), get_world_size()  # type: ignore[arg-type]
    sampler: Any = _sampler(loader)
    batch = loader.batch_size or getattr(loader.batch_sampler, 'batch_size', None)
    drops = loader.drop_last or getattr(loader.batch_sampler, 'drop_last', False)
    share = f', {len(sampler)} for each of {processes} processes' if processes > 1 else ''
    if not len(sampler):
        cause = f'{type(sampler).__name__} chooses none of them'
    else:
        cause = f'batch_size={batch} with drop_last={drops} makes no batch of them'
    raise UserError(
        f'the data set {name} has {number} images{share}: {cause}, expected a smaller batch_size '
        f'or drop_last=False ({where})'
    )


def _suffixes_there(dataloader: Any) -> str:
    """Say which suffixes the files in the folder of the images have."""
    dataset = dataloader.get('dataset') if isinstance(dataloader, Mapping) else None
    dataset = dataset if isinstance(dataset, Mapping) else {}
    prefix = dataset.get('data_prefix')
    inner = prefix.get('img_path', '') if isinstance(prefix, Mapping) else prefix or ''
    folder = Path(str(dataset.get('data_root') or ''), str(inner))
    if not inner or not folder.is_dir():
        return ''
    files = islice((path for path in folder.rglob('*') if path.is_file()), _FILES_LISTED)
    found = sorted({path.suffix for path in files if path.suffix})
    return f"; the files in '{folder}' end with {', '.join(found)}" if found else ''


def check_numbers(dataloader: Any) -> None:
    """Check the numbers of a loader's config, which torch refuses without their key.

    Args:
        dataloader: Config of the loader; anything else is not checked.

    Raises:
        UserError: ``batch_size`` or ``num_workers`` is no whole number, or too small.
    """
    if not isinstance(dataloader, dict):
        return
    for key, least in (('batch_size', 1), ('num_workers', 0)):
        value = dataloader.get(key, least)
        whole = isinstance(value, int) and not isinstance(value, bool)
        if value is not None and not (whole and value >= least):
            _, where = _described(dataloader)
            raise UserError(f'{key}={value!r}, expected a whole number from {least} on ({where})')


def check_end(loader: DataLoader, key: str) -> None:
    """Check that a loader that is read to its end has one.

    Args:
        loader: The loader of an epoch, a validation or a test.
        key: Key of the loader in the config.

    Raises:
        UserError: The sampler never ends.
    """
    if is_endless(loader):
        raise UserError(
            f'{key}.sampler={type(_sampler(loader)).__name__} never ends, and this loop reads all '
            'batches, expected DefaultSampler'
        )


def is_endless(loader: DataLoader) -> bool:
    """Tell whether the sampler of a loader never ends.

    Args:
        loader: The loader.
    """
    return bool(_ENDLESS & {cls.__name__ for cls in type(_sampler(loader)).__mro__})


def _sampler(loader: DataLoader) -> Any:
    """Return the sampler that gives the indices, inside of batch samplers and of wrappers."""
    sampler: Any = getattr(loader.batch_sampler, 'sampler', loader.sampler)
    return getattr(sampler, 'inner', sampler)


def dropped_images(loader: DataLoader) -> int:
    """Return the number of images that a loader leaves out because the last batch is not full.

    Args:
        loader: A loader whose batches are of images in order.
    """
    sampler = _sampler(loader)
    if not loader.drop_last or not isinstance(sampler, DefaultSampler):
        return 0
    return len(sampler) % (loader.batch_size or 1)


def _gives_batch(loader: DataLoader) -> bool:
    batches: Any = getattr(loader.batch_sampler, 'inner', loader.batch_sampler)
    try:
        if len(loader) == 0:
            return False
    except TypeError:  # a sampler without a length
        return True
    # mmdet sorts images by shape into two groups, and drops what both together leave.
    if not hasattr(batches, '_aspect_ratio_buckets') or not batches.drop_last:
        return True
    if len(batches.sampler) > batches.batch_size:
        return True
    # The sampler itself keeps what is left of a group, so another one is asked.
    fresh = type(batches)(batches.sampler, batches.batch_size, drop_last=True)
    return next(iter(fresh), None) is not None


def _described(dataloader: DataLoader | dict) -> tuple[str, str]:
    """Return the type of a data set, and the keys that say where its files are."""
    dataset = dataloader.get('dataset') if isinstance(dataloader, dict) else dataloader.dataset
    while isinstance(dataset, Mapping) and isinstance(dataset.get('dataset'), Mapping):
        dataset = dataset['dataset']
    cfg = dataset if isinstance(dataset, Mapping) else {'type': type(dataset).__name__}
    kind = cfg.get('type', '')
    where = ', '.join(f'{key}={cfg[key]!r}' for key in _DATA_KEYS if key in cfg)
    return kind if isinstance(kind, str) else kind.__name__, where
