"""Errors of a pipeline that name the files of the sample."""

from typing import Any

from mmengine.dataset import Compose

from spikedense.errors import UserError
from spikedense.utils.explain_data import NOTE

_FILES = ('img_path', 'seg_map_path')
_INNER = ('dataset', 'datasets')


class NamedSamples(Compose):
    """A pipeline that adds a note with the files of the sample to an error of one of its steps.

    Few errors of image libraries name the file. The note also reaches the text of an error in a
    process of the loader.

    Args:
        pipeline: The pipeline of a data set.
    """

    def __init__(self, pipeline: Compose) -> None:
        super().__init__(pipeline.transforms)

    def __call__(self, data: dict) -> dict | None:
        """See mmengine's ``Compose``."""
        # A step may change the dictionary.
        files = [f"{key}='{data[key]}'" for key in _FILES if data.get(key)]
        result: dict | None = data
        # The outer pipeline of joined samples gets maps that an inner one has read.
        read = 'gt_seg_map' in data
        for step in self.transforms:
            try:
                result = step(result)
                if not read and result is not None and 'gt_seg_map' in result:
                    read = True
                    _check_shape(result)
            except Exception as exc:
                exc.add_note(NOTE + ', '.join([*files, f'step {type(step).__name__}']))
                raise
            if result is None:
                break
        return result


def _check_shape(data: dict) -> None:
    """Refuse a label map of another shape than its image.

    The libraries notice such a map only if it does not fit the other maps of the batch.

    Args:
        data: The sample, as soon as its label map is read.

    Raises:
        UserError: The map has channels, or another size.
    """
    # A pipeline for validation resizes the image before it reads the map.
    size, labels = data.get('ori_shape'), data['gt_seg_map']
    name = f"the label map '{data.get('seg_map_path')}'"
    frames = len(data.get('seg_map_paths') or ())
    if labels.ndim == 3 and labels.shape[2] == frames:  # a map for each frame of a clip
        labels = labels[..., 0]
    if labels.ndim != 2:
        raise UserError(f'{name} has the shape {labels.shape}, expected one channel')
    if size is not None and tuple(size[:2]) != labels.shape:
        found, wanted = (f'{shape[0]} x {shape[1]}' for shape in (labels.shape, size))
        raise UserError(
            f"{name} has {found} pixels, expected {wanted} as the image '{data.get('img_path')}'"
        )


def name_samples(dataset: Any) -> None:
    """Let the errors of a data set name the files of the sample.

    Args:
        dataset: A data set, maybe with other data sets inside; changed in place.
    """
    pipeline = getattr(dataset, 'pipeline', None)
    # A pipeline of another class may do something else than mmengine's.
    if type(pipeline) is Compose:
        dataset.pipeline = NamedSamples(pipeline)
    for name in _INNER:
        inner = getattr(dataset, name, None) or ()
        for one in inner if isinstance(inner, list | tuple) else (inner,):
            name_samples(one)
