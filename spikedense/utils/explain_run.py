"""Errors in the iterations of a run whose cause is known: one sentence each."""

import errno
import re
from typing import Any

from .files import WRITE_ERRORS
from .tracebacks import batch, frames, phase, worker_text

_PEER = re.compile(
    r'Connection (?:closed|reset) by peer|remote process exited|Broken pipe|'
    r'Socket Timeout|Application timeout caused pair closure'
)
_MEMORY = re.compile(
    r"can't allocate memory|not enough memory|std::bad_alloc|Unable to allocate|CUDA out of memory"
)
_WORKER_DEATH = re.compile(r'DataLoader worker \(pid.*?\) (?:is killed|exited)')
_SIZES = re.compile(
    r'The image size in a batch should be the same|stack expects each tensor to be equal size'
)
_LABELS = re.compile(r'Target -?\d+ is out of bounds|device-side assert|index .* out of bounds')
_WEIGHTS = re.compile(r'weight tensor should be defined either for all (\d+) classes.*\[(\d+)\]')


def explain_run(exc: BaseException, text: str) -> str | None:
    """Explain an error of an iteration.

    Args:
        exc: The exception.
        text: Its message.

    Returns:
        The sentence, or None if the cause is not known.
    """
    for explain in (_lost_peer, _full_disk, _memory, _dead_worker, _sizes, _weights, _labels):
        sentence = explain(exc, text)
        if sentence is not None:
            return sentence
    return None


def _lost_peer(exc: BaseException, text: str) -> str | None:
    # gloo has no class of errors of its own; its messages name its source file.
    of_torch = 'gloo' in text or type(exc).__name__.startswith('Dist')
    if not (of_torch and _PEER.search(text)):
        return None
    return 'another process of this run has ended, so this process stops too'


def _full_disk(exc: BaseException, text: str) -> str | None:
    """Explain the error of ``torch.save``, which hides the one of the operating system."""
    cause: BaseException | None = exc
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            name = f" '{cause.filename}'" if cause.filename else ' a file'
            return f'cannot write{name}: {WRITE_ERRORS[cause.errno]}'
        cause = cause.__cause__ or cause.__context__
    return None


def _memory(exc: BaseException, text: str) -> str | None:
    on_gpu = type(exc).__name__ == 'OutOfMemoryError' or 'CUDA out of memory' in text
    if not on_gpu and not isinstance(exc, MemoryError) and not _is_memory_error(exc, text):
        return None
    what = 'out of GPU memory' if on_gpu else 'out of memory'
    now = phase(exc)
    if now == 'train':
        advice = (
            'lower train_dataloader.batch_size or the crop size, set model.backbone.with_cp=True, '
            'or use --amp'
        )
    elif now is not None:
        advice = f'lower {now}_dataloader.batch_size or the size of the images in its pipeline'
    else:
        advice = 'lower the batch_size or the size of the images'
    return f'{what}: {advice}'


def _is_memory_error(exc: BaseException, text: str) -> bool:
    return isinstance(exc, RuntimeError) and bool(_MEMORY.search(text))


def _dead_worker(exc: BaseException, text: str) -> str | None:
    if not (isinstance(exc, RuntimeError) and _WORKER_DEATH.search(text)):
        return None
    loader = _loader(exc)
    return (
        f'{loader}: a process of this loader has ended without an error of its own ({text}); '
        f'{loader}.num_workers=0 reads the data without such processes'
    )


def _sizes(exc: BaseException, text: str) -> str | None:
    if not _SIZES.search(text):
        return None
    found = _image_sizes(exc)
    if found is None and worker_text(exc) is None and not _in_collation(exc):
        return None
    loader = _loader(exc)
    detail = f' ({found})' if found else ''
    return (
        f'{loader}.batch_size: the images of a batch have different sizes after the '
        f'pipeline{detail}, expected {loader}.batch_size=1 or steps that give one size, as '
        'Resize with keep_ratio=False, RandomCrop or Pad'
    )


def _in_collation(exc: BaseException) -> bool:
    return any('collate' in frame.f_code.co_name for frame in frames(exc))


def _image_sizes(exc: BaseException) -> str | None:
    """List one image of each size in the batch; None if all have one size, or are not known."""
    inputs, samples = _of_batch(exc)
    samples = list(samples[0]) if samples and isinstance(samples[0], list | tuple) else samples
    shapes: dict[tuple[int, ...], str] = {}
    # With several copies of each image, each copy has a list of its own.
    nested = bool(inputs) and isinstance(inputs[0], list | tuple)
    for index, image in enumerate(inputs[0] if nested else inputs):
        if hasattr(image, 'shape'):
            path = _path(samples[index], 'img_path') if index < len(samples) else None
            shapes.setdefault(tuple(image.shape[-2:]), path or f'image {index}')
    if len(shapes) < 2:
        return None
    return ', '.join(f"{h}x{w} in '{path}'" for (h, w), path in shapes.items())


def _weights(exc: BaseException, text: str) -> str | None:
    """Explain weights of classes of another number than the outputs."""
    match = _WEIGHTS.search(text)
    if match is not None:
        return (
            f'class_weight of a loss has {match[2]} numbers, expected {match[1]}, one each output'
        )
    if not isinstance(exc, IndexError):
        return None
    names = frames(exc)[-1].f_locals if exc.__traceback__ is not None else {}
    weights: Any = names.get('class_weight')
    labels: Any = names.get('labels')
    if hasattr(weights, '__len__') and hasattr(labels, 'numel') and labels.numel():
        highest = int(labels.max())
        if highest >= len(weights):
            # Mask heads have one output more, for "no object".
            outputs = getattr(names.get('self'), 'num_classes', highest) + 1
            return f'loss_cls.class_weight has {len(weights)} numbers, expected {outputs}'
    return None


def _labels(exc: BaseException, text: str) -> str | None:
    """Explain an error of a loss by labels of the batch that are no class of the model."""
    if not _LABELS.search(text):
        return None
    runner, _ = batch(exc)
    if runner is None:
        return None
    from .unwrap import unwrap

    head = getattr(unwrap(runner.model), 'decode_head', None)
    number, ignored = getattr(head, 'num_classes', None), getattr(head, 'ignore_index', 255)
    if not isinstance(number, int):
        return None
    for sample in _of_batch(exc)[1]:
        labels = sample.gt_sem_seg.data if 'gt_sem_seg' in sample else None
        if labels is None:
            continue
        wrong = sorted({int(x) for x in labels.unique()} - {*range(number), ignored})
        if wrong:
            path = _path(sample, 'seg_map_path') or _path(sample, 'img_path')
            return (
                f"'{path}' holds the labels {_some(wrong)}, but model.decode_head has "
                f'num_classes={number} and ignore_index={ignored}'
            )
    return None


def _some(values: list[int]) -> str:
    more = f' and {len(values) - 5} more' if len(values) > 5 else ''
    return ', '.join(map(str, values[:5])) + more


def _of_batch(exc: BaseException) -> tuple[list[Any], list[Any]]:
    """Return the images and the samples of the batch that failed."""
    _, data = batch(exc)
    if not isinstance(data, dict):
        return [], []
    return list(data.get('inputs') or ()), list(data.get('data_samples') or ())


def _path(sample: Any, key: str) -> str | None:
    return getattr(sample, 'metainfo', {}).get(key)


def _loader(exc: BaseException) -> str:
    now = phase(exc)
    return 'the dataloader' if now is None else f'{now}_dataloader'
