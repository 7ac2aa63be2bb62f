"""The image that a picture of a prediction shows, also for data that are no image files."""

from typing import Any

import cv2
import mmcv
import numpy as np
from mmengine.structures import BaseDataElement

from spikedense.errors import UserError
from spikedense.utils.images import as_rgb


def shown_image(sample: BaseDataElement, data_batch: Any, index: int) -> np.ndarray:
    """Return the image of a sample.

    The file of the image is read if it is an image file of the size that the loader found. In any
    other case (arrays, more than three channels, archives), the image is the one that the pipeline
    loaded, in the size of the original.

    Args:
        sample: The data sample.
        data_batch: The batch as loaded.
        index: Index of the sample in the batch.

    Returns:
        RGB ``[H, W, 3]``, uint8.

    Raises:
        UserError: The batch has no images.
    """
    path = sample.metainfo.get('img_path')
    size = sample.metainfo.get('ori_shape')
    image = None if path is None else _read(path)
    if image is not None and (size is None or image.shape[:2] == tuple(size[:2])):
        return image
    inputs = data_batch.get('inputs') if isinstance(data_batch, dict) else None
    if inputs is None:
        raise UserError(
            f"--show-dir: '{path}' is no image file that can be read, and the batch has no 'inputs'"
        )
    # With several copies of each image, the first copy is the one without a flip.
    loaded = inputs[0][index] if isinstance(inputs[0], list | tuple) else inputs[index]
    image = displayable(loaded.permute(1, 2, 0).cpu().numpy())
    if size is not None and image.shape[:2] != tuple(size[:2]):
        image = cv2.resize(image, (int(size[1]), int(size[0])), interpolation=cv2.INTER_AREA)
    return image


def _read(path: str) -> np.ndarray | None:
    try:
        return mmcv.imread(path, channel_order='rgb')
    # OpenCV gives no image for a file of another kind, and mmcv works on with nothing.
    except (OSError, cv2.error, TypeError, AttributeError):
        return None


def displayable(pixels: np.ndarray) -> np.ndarray:
    """Turn any image into one that can be shown.

    Args:
        pixels: ``[H, W, C]`` of any number of channels and any type; the first three channels are
            blue, green and red, as OpenCV orders them.

    Returns:
        RGB ``[H, W, 3]``, uint8. Values beyond 0 to 255, or up to 1, are scaled.
    """
    pixels = as_rgb(pixels)
    if pixels.dtype != np.uint8:
        pixels = np.nan_to_num(pixels.astype(np.float64))
        low, high = float(pixels.min()), float(pixels.max())
        if low < 0 or high > 255 or high <= 1:
            pixels = (pixels - low) / (high - low or 1.0) * 255
    return np.ascontiguousarray(pixels.astype(np.uint8))
