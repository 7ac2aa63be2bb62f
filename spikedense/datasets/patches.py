"""Small classification sets in image folders, cut from data that is at hand."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from spikedense.errors import UserError

Image8 = NDArray[np.uint8]
#: Names of the two kinds of photographs in scikit-image's subset of Labeled Faces in the Wild.
FACES = ('face', 'other')


def cut_patches(
    dataset: Any,
    size: int,
    per_class: int,
    middle: float = 0.25,
    cover: float = 0.8,
    seed: int = 0,
) -> Iterator[tuple[str, Image8]]:
    """Cut square patches of images; the class of a patch is what its middle shows.

    An image gives at most one patch of each class in each pass over the set. At most 10 passes are
    made, because classes may be rare.

    Args:
        dataset: A data set of mmseg whose samples have ``img`` ``[H, W, 3]`` (blue, green, red) and
            ``gt_seg_map`` ``[H, W]``.
        size: Side of the patches, in pixels.
        per_class: Largest number of patches of a class.
        middle: Side of the middle, as a share of ``size``.
        cover: Share of the middle's pixels that must be of the class.
        seed: Seed of the places.

    Yields:
        The name of the class, and the patch ``[size, size, 3]`` in the order red, green, blue.

    Raises:
        UserError: An image is smaller than a patch.
    """
    rng = np.random.default_rng(seed)
    classes = dataset.metainfo['classes']
    side = max(1, round(size * middle))
    found: Counter[int] = Counter()
    for _ in range(10):
        for index in rng.permutation(len(dataset)):
            sample = dataset[int(index)]
            image, labels = sample['img'], sample['gt_seg_map']
            if min(labels.shape) < size:
                raise UserError(
                    f'{sample["img_path"]} has {labels.shape[1]}x{labels.shape[0]} pixels, '
                    f'expected at least {size} for patches of that size'
                )
            for label in np.unique(labels):
                if label >= len(classes) or found[label] >= per_class:
                    continue
                places = _places(labels == label, size, side, cover)
                if len(places):
                    top, left = rng.choice(places)
                    found[label] += 1
                    patch = image[top : top + size, left : left + size, ::-1]
                    yield classes[label], np.ascontiguousarray(patch)
        if all(found[label] >= per_class for label in range(len(classes))):
            break


def _places(mask: NDArray[np.bool_], size: int, side: int, cover: float) -> NDArray[np.intp]:
    """Return the corners ``[N, 2]`` of patches whose middle is covered by a mask."""
    # The anchor is the upper left pixel: entry [y, x] is the share of the square from there.
    share = cv2.boxFilter(
        mask.astype(np.float32), -1, (side, side), anchor=(0, 0), borderType=cv2.BORDER_CONSTANT
    )
    offset = (size - side) // 2
    height, width = mask.shape
    inside = share[offset : offset + height - size + 1, offset : offset + width - size + 1]
    return np.argwhere(inside >= cover - 1e-6)


def faces() -> Iterator[tuple[str, str, Image8]]:
    """Read the 200 photographs of 25x25 pixels that scikit-image ships: 100 faces, 100 others.

    Each fifth one is for tests.

    Yields:
        ``'train'`` or ``'test'``, the name of the class, and the photograph ``[25, 25, 3]``.

    Raises:
        UserError: scikit-image is not installed.
    """
    try:
        from skimage.data import lfw_subset
    except ImportError as exc:
        raise UserError(
            'the photographs of faces are part of scikit-image, which is not installed; '
            'run `pip install scikit-image`'
        ) from exc
    for index, image in enumerate(lfw_subset()):
        grey = (image * 255).round().astype(np.uint8)
        split = 'test' if index % 5 == 4 else 'train'
        yield split, FACES[index // 100], np.repeat(grey[..., None], 3, 2)


def write_patches(patches: Iterator[tuple[str, Image8]], folder: Path) -> Counter[str]:
    """Write patches in the layout of mmpretrain's ``CustomDataset``: one folder for each class.

    Args:
        patches: Class and image of each patch.
        folder: Folder of the split; it is created.

    Returns:
        How many patches each class has.
    """
    written: Counter[str] = Counter()
    for name, patch in patches:
        file = folder / name / f'{written[name]:05d}.png'
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(patch).save(file)
        written[name] += 1
    return written


def describe(written: Counter[str], classes: Sequence[str]) -> str:
    """Return one line with the number of patches of each class."""
    return ', '.join(f'{name} {written[name]}' for name in classes)
