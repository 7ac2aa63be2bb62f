"""One label map, as the data set's own pipeline reads it."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import mmengine.fileio as fileio
import numpy as np
from mmcv.transforms import LoadAnnotations, LoadImageFromFile
from PIL import Image, UnidentifiedImageError

from spikedense.errors import UserError

from .orientation import StoredImage, follows_exif, open_header
from .parts import is_local

_LIBRARIES = ('mmcv', 'mmengine', 'mmseg', 'mmdet', 'mmpretrain', 'spikedense')
_LABELS = 256  # the libraries keep labels in 8 bits


@dataclass(frozen=True)
class LabelMap:
    """What a label map holds.

    Args:
        file: Its path.
        counts: Number of pixels of each label, ``[256]``.
        colours: Label -> colour in the palette of the file. Empty if the file has no palette.
        turned: The image, if EXIF turns it and the map may not be turned.
    """

    file: str
    counts: np.ndarray
    colours: Mapping[int, tuple[int, ...]]
    turned: StoredImage | None = None


class LabelReader:
    """Reads label maps with the steps of a pipeline.

    Args:
        steps: The steps of the pipeline.

    Attributes:
        image_loader: The step that loads the images, or None.
    """

    def __init__(self, steps: list[Any]) -> None:
        self._loader = next((step for step in steps if _loads_labels(step)), None)
        self.image_loader = next((s for s in steps if isinstance(s, LoadImageFromFile)), None)
        self._steps: list[Any] = []
        if self._loader is not None:
            # A step of the user may change labels, so the steps up to the last one are done.
            own = [i for i in range(steps.index(self._loader) + 1, len(steps)) if _is_own(steps[i])]
            self._steps = steps[: own[-1] + 1] if own else []

    @property
    def reads(self) -> bool:
        """Whether the pipeline has a step that reads label maps."""
        return self._loader is not None

    @property
    def is_local(self) -> bool:
        """Whether the label maps are files of this machine."""
        return not getattr(self._loader, 'backend_args', None)

    def read(self, entry: dict) -> LabelMap:
        """Read a label map, and compare its shape with the image.

        Args:
            entry: The entry of the data set.

        Returns:
            What the map holds.

        Raises:
            UserError: The file cannot be read, has several channels or more than 8 bits, or has
                another size than its image.
        """
        file = entry['seg_map_path']
        stored, labels = self._load(file, entry)
        if labels.ndim != 2:
            raise UserError(self._not_flat(file, stored, labels))
        if stored is not None and stored.mode[0] in 'IF':
            _check_depth(file, np.asarray(stored))
        turned = self._compare_size(file, labels.shape, entry)
        colours = {}
        if stored is not None and stored.mode == 'P' and stored.size[::-1] == labels.shape:
            colours = _colours(stored, labels)
        if self._steps:
            labels = self._after_own_steps(entry)
        return LabelMap(file, np.bincount(labels.ravel(), minlength=_LABELS), colours, turned)

    def _load(self, file: str, entry: dict) -> tuple[Image.Image | None, np.ndarray]:
        """Return the file as Pillow opens it, if Pillow can, and the labels."""
        assert self._loader is not None
        try:
            content = fileio.get(file, backend_args=self._loader.backend_args)
            labels = self._loader(_copy(entry))['gt_seg_map']
        except FileNotFoundError:
            raise
        except Exception as exc:  # whatever a decoder raises at a broken file
            reason = ' '.join(str(exc).split()) or type(exc).__name__
            if isinstance(exc, UnidentifiedImageError | AttributeError):
                backend = getattr(self._loader, 'imdecode_backend', None)
                reason = f'imdecode_backend={backend!r} does not know its format'
            raise UserError(f"the label map '{file}' cannot be read: {reason}") from exc
        try:
            return Image.open(BytesIO(content)), labels
        except OSError:
            return None, labels

    def _not_flat(self, file: str, stored: Image.Image | None, labels: np.ndarray) -> str:
        backend = getattr(self._loader, 'imdecode_backend', None)
        if stored is not None and stored.mode == 'P' and backend != 'pillow':
            return (
                f"the label map '{file}' is a palette file, of which imdecode_backend={backend!r} "
                "reads colours, expected imdecode_backend='pillow' in LoadAnnotations, which reads "
                'the indices'
            )
        mode = '' if stored is None else f' (mode {stored.mode})'
        equal = labels.ndim == 3 and (labels[..., :1] == labels[..., :3]).all()
        hint = '; its channels are equal, so that one of them is enough' if equal else ''
        return (
            f"the label map '{file}' has the shape {labels.shape}{mode}, expected one channel that "
            f'holds the number of the class of each pixel, not its colour{hint}'
        )

    def _compare_size(self, file: str, size: tuple[int, ...], entry: dict) -> StoredImage | None:
        """Compare the sizes of map and image; return an image that is turned, maybe alone."""
        path, loader = entry.get('img_path'), self.image_loader
        if not (isinstance(path, str) and is_local(path)) or loader is None:
            return None
        image = open_header(path)
        if image is None:
            return None
        expected: tuple[int, ...] = image.size
        if len(image.sizes) > 1:  # whether an image is turned depends on the step that loads it
            loaded = loader(_copy(entry))
            expected = size if loaded is None else loaded['img'].shape[:2]
        if size != expected:
            raise UserError(
                f"the label map '{file}' has height={size[0]} and width={size[1]}, expected "
                f"{expected[0]} and {expected[1]} as the image '{path}'"
            )
        return image if follows_exif(loader) and image.is_doubtful(size) else None

    def _after_own_steps(self, entry: dict) -> np.ndarray:
        python, numpy = random.getstate(), np.random.get_state()
        try:
            results: Any = _copy(entry)
            for step in self._steps:
                results = step(results)
                if results is None:
                    return np.zeros(0, np.uint8)
            return np.asarray(results['gt_seg_map']).astype(np.uint8)
        finally:
            # The run draws the same random numbers as without the check.
            random.setstate(python)
            np.random.set_state(numpy)


def _loads_labels(step: Any) -> bool:
    return isinstance(step, LoadAnnotations) and getattr(step, 'with_seg', False)


def _is_own(step: Any) -> bool:
    return type(step).__module__.partition('.')[0] not in _LIBRARIES


def _copy(entry: dict) -> dict:
    # Loaders append to the list. Of a clip the map of the key frame is read.
    kept = {key: value for key, value in entry.items() if key != 'seg_map_paths'}
    return {**kept, 'seg_fields': []}


def _check_depth(file: str, values: np.ndarray) -> None:
    wrong = values[values != values.astype(np.uint8)]
    if wrong.size:
        raise UserError(
            f"the label map '{file}' holds {wrong.flat[0]}, expected whole numbers from 0 to "
            f'{_LABELS - 1}: LoadAnnotations keeps 8 bits of a label'
        )


def _colours(stored: Image.Image, labels: np.ndarray) -> dict[int, tuple[int, ...]]:
    palette = np.reshape(stored.getpalette() or [], (-1, 3))
    indices, first = np.unique(np.asarray(stored), return_index=True)
    return {
        int(labels.flat[where]): tuple(palette[index].tolist())
        for index, where in zip(indices, first, strict=True)
        if index < len(palette)
    }
