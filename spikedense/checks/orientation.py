"""Images that EXIF turns when they are read, while their labels stay as they are."""

from dataclasses import dataclass
from typing import Any

from mmcv.transforms import LoadImageFromFile
from PIL import Image

_ORIENTATION = 0x112  # EXIF tag
_UPRIGHT = 1
_ON_THEIR_SIDE = range(5, 9)  # values of the EXIF tag that swap height and width
#: mmcv turns images that are read with these settings.
_BACKENDS, _COLOUR_TYPES = (None, 'cv2', 'pillow'), ('color', 'grayscale')


@dataclass(frozen=True)
class StoredImage:
    """The header of an image file.

    Args:
        path: Its path.
        size: Height and width of the stored pixels.
        orientation: Value of the EXIF tag; 1 is upright.
    """

    path: str
    size: tuple[int, int]
    orientation: int

    @property
    def sizes(self) -> list[tuple[int, int]]:
        """(height, width), and (width, height) if EXIF turns the image on its side."""
        turned = [self.size[::-1]] if self.orientation in _ON_THEIR_SIDE else []
        return [self.size, *turned]

    def is_doubtful(self, size: Any) -> bool:
        """Tell whether labels may be those of the stored pixels, although EXIF turns the image.

        Args:
            size: Height and width of the labels. They tell the two cases apart if the turned image
                has another size.
        """
        if self.orientation == _UPRIGHT:
            return False
        return self.size == self.sizes[-1] or tuple(size) == self.size


def open_header(path: str) -> StoredImage | None:
    """Read the header of an image file.

    Args:
        path: Its path.

    Returns:
        The header; None if Pillow does not know the format, which mmcv may.
    """
    try:
        with Image.open(path) as image:
            width, height = image.size
            value = image.getexif().get(_ORIENTATION, _UPRIGHT)
    except OSError:
        return None
    # Readers take a value that EXIF does not know as upright.
    return StoredImage(path, (height, width), value if value in range(1, 9) else _UPRIGHT)


def follows_exif(step: Any) -> bool:
    """Tell whether a step of a pipeline loads images and turns them.

    Args:
        step: The step.
    """
    return (
        isinstance(step, LoadImageFromFile)
        and step.imdecode_backend in _BACKENDS
        and step.color_type in _COLOUR_TYPES
    )


def describe_turned(images: list[StoredImage], opened: str, labels: str, loader: Any) -> str:
    """Describe images that are turned although their labels may not be.

    Args:
        images: The images, at least one.
        opened: Which images were opened.
        labels: What the labels are: ``label maps`` or ``boxes and masks``.
        loader: The step that loads the images.

    Returns:
        One sentence.
    """
    first = images[0]
    return (
        f'{len(images)} of {opened} {"is" if len(images) == 1 else "are"} turned by EXIF when '
        f"they are read, as '{first.path}' (orientation {first.orientation}), and {labels} are "
        f'not: if yours were made for the stored pixels, set '
        f"color_type='{loader.color_type}_ignore_orientation' in {type(loader).__name__} "
        '(spikedense browse draws the labels on the images)'
    )
