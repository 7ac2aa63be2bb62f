"""The inputs of an inferencer, as a list of images that can be read."""

import glob
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import mmcv
import numpy as np

from spikedense.errors import UserError
from spikedense.utils.images import as_rgb
from spikedense.utils.output_names import name_of

IMAGE_SUFFIXES = ('.bmp', '.jpeg', '.jpg', '.pgm', '.png', '.ppm', '.tif', '.tiff', '.webp')
_WILDCARD = re.compile(r'[*?\[]')


@dataclass(frozen=True)
class InputImage:
    """One image.

    Args:
        name: Name of the output files, without suffix. Each image of a call has another name.
        content: Path of a file, or the image itself, uint8: BGR ``[H, W, 3]``, or ``[H, W]`` or
            ``[H, W, C]`` for a model of other images.
    """

    name: str
    content: str | np.ndarray

    @property
    def path(self) -> str | None:
        """Path of the file, None for an array."""
        return self.content if isinstance(self.content, str) else None

    def read_rgb(self) -> np.ndarray:
        """Return the pixels, RGB ``[H, W, 3]``, uint8."""
        if isinstance(self.content, str):
            return mmcv.imread(self.content, channel_order='rgb')
        return as_rgb(self.content)


def list_images(
    inputs: Any,
    array_numbers: Iterator[int],
    channels: int = 3,
    bad: Callable[[str], None] | None = None,
) -> list[InputImage]:
    """List the images of an input, in order, and check that each one can be read.

    Args:
        inputs: A file, a folder (its images, one level, sorted naturally: ``frame_2`` before
            ``frame_10``), a glob pattern (the images that match, sorted alike), an array (uint8,
            BGR ``[H, W, 3]``, or with the channels of the model), or a list of these.
        array_numbers: Numbers for the names of the output files of arrays.
        channels: Number of channels of an array.
        bad: Gets the error of a file that is no image, and the file is left out. None refuses such
            a file.

    Returns:
        At least one image.

    Raises:
        UserError: An input does not exist, contains no image, or is no image.
    """
    images: list[InputImage] = []
    taken: set[str] = set()
    left_out: list[str] = []

    def leave_out(error: str) -> None:
        left_out.append(error)
        if bad is not None:
            bad(error)

    for image in _walk(inputs, array_numbers, channels, None if bad is None else leave_out):
        name, number = image.name, 1
        while name in taken:
            number += 1
            name = f'{image.name}_{number}'
        taken.add(name)
        images.append(replace(image, name=name))
    if left_out and not images:
        raise UserError(f'none of the {len(left_out)} input files can be read as an image')
    if not images:
        raise UserError('there is no input: expected a file, a folder, a pattern or an array')
    return images


def _walk(
    inputs: Any,
    array_numbers: Iterator[int],
    channels: int,
    bad: Callable[[str], None] | None,
) -> Iterator[InputImage]:
    if isinstance(inputs, (list, tuple)):
        for one in inputs:
            yield from _walk(one, array_numbers, channels, bad)
    elif isinstance(inputs, np.ndarray):
        _check_array(inputs, channels)
        yield InputImage(f'array_{next(array_numbers):06d}', inputs)
    elif isinstance(inputs, (str, Path)):
        for path in _files(str(inputs)):
            # This reads the first bytes only, so it is fast for a long list of files.
            if cv2.haveImageReader(str(path)):
                yield InputImage(name_of(path), str(path))
                continue
            error = f"'{path}' is no image that can be read"
            if bad is None:
                raise UserError(error)
            bad(error)
    else:
        raise UserError(
            f'an input is a {type(inputs).__name__}, expected a path, a pattern, a numpy array or '
            'a list of these'
        )


def _files(given: str) -> list[Path]:
    """List the files of a path or pattern."""
    path = Path(given).expanduser()
    if path.is_file():
        return [path]
    if path.is_dir():
        found = [child for child in path.iterdir() if not child.name.startswith('.')]
        complaint = f"the folder '{given}' has no image ({', '.join(IMAGE_SUFFIXES)})"
    elif _WILDCARD.search(given):
        found = [Path(match) for match in glob.glob(str(path), recursive=True)]
        complaint = f"no image matches '{given}'"
    else:
        raise UserError(f"there is no file or folder '{given}'")
    images = [file for file in found if file.suffix.lower() in IMAGE_SUFFIXES and file.is_file()]
    if not images:
        raise UserError(complaint)
    return sorted(images, key=_natural)


def _natural(path: Path) -> list[tuple[bool, int, str]]:
    """Return a key that sorts numbers in names by value, and equal names by the whole path."""
    parts = re.split(r'(\d+)', str(path))
    key = [(True, int(p), '') if p.isdecimal() else (False, 0, p.lower()) for p in parts]
    return [*key, (False, 0, str(path))]


def _check_array(image: np.ndarray, channels: int) -> None:
    found = image.shape[2:] or (1,)
    if image.ndim in (2, 3) and found == (channels,) and image.dtype == np.uint8 and image.size:
        return
    kind = 'an image in BGR' if channels == 3 else f'an image of {channels} channel(s)'
    raise UserError(
        f'an input array has shape {image.shape} and type {image.dtype}, expected {kind}: '
        f'(height, width, {channels}), uint8'
    )
