"""Semantic segmentation of images with a model of mmseg."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from mmengine.config import Config
from mmseg.apis import MMSegInferencer
from mmseg.structures import SegDataSample
from mmseg.visualization import SegLocalVisualizer

from spikedense.utils.class_names import class_name

from .inferencer import Inferencer
from .inputs import InputImage
from .outputs import OutputFolder

_READABLE = 300  # pixels of the shorter side
_EIGHT_BITS = 256


@dataclass(frozen=True, eq=False)
class SegPrediction:
    """The class of each pixel of an image.

    Args:
        name: Name of the output files of the image, without suffix.
        path: Path of the image; None for an array.
        labels: Label of each pixel, ``[H, W]``, in the size of the image; uint8, or uint16 for
            more than 256 classes.
        shares: Name of each class that occurs -> its share of the pixels. The sum is 1.
    """

    name: str
    path: str | None
    labels: np.ndarray
    shares: dict[str, float]


class SwiftVisualizer(SegLocalVisualizer):
    """mmseg's visualizer with a fast way of placing names, which takes seconds on a large image."""

    def _get_center_loc(self, mask: np.ndarray) -> np.ndarray:
        """Return the place of a class name: the middle pixel of the row with most pixels.

        Args:
            mask: ``[H, W]``, 1 at the pixels of the class.

        Returns:
            x and y.
        """
        y = mask.sum(1).argmax()
        inside = np.flatnonzero(mask[y])
        return np.array([inside[len(inside) // 2], y])


class SegInferencer(Inferencer[SegPrediction], MMSegInferencer):
    """Segment images with a model of mmseg; see :class:`Inferencer`.

    The option ``opacity`` of a call is the opacity of the classes' colours in an overlay.

    Example:
        >>> infer = SegInferencer('demo')
        >>> infer('scene.png', out_dir='out')[0].shares
    """

    library = 'mmseg'
    options = {'opacity': 0.6}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Before its first picture, the visualizer of mmseg has the classes of Cityscapes.
        self.visualizer.dataset_meta = self.model.dataset_meta

    def _init_visualizer(self, cfg: Config) -> SegLocalVisualizer:
        if class_name(cfg.visualizer) == SegLocalVisualizer.__name__:
            cfg.visualizer.type = SwiftVisualizer
        return super()._init_visualizer(cfg)

    def prediction(
        self, image: InputImage, sample: SegDataSample, **options: float
    ) -> SegPrediction:
        """See :meth:`Inferencer.prediction`."""
        number = len(self.classes)
        labels = sample.pred_sem_seg.data[0].cpu().numpy()  # [H, W]
        counts = np.bincount(labels.ravel(), minlength=number)
        return SegPrediction(
            name=image.name,
            path=image.path,
            labels=labels.astype(np.uint8 if number <= _EIGHT_BITS else np.uint16),
            shares={
                name: float(count / labels.size)
                for name, count in zip(self.classes, counts, strict=True)
                if count
            },
        )

    def draw(self, image: np.ndarray, sample: SegDataSample, **options: float) -> np.ndarray:
        """See :meth:`Inferencer.draw`."""
        self.visualizer.alpha = options['opacity']
        self.visualizer.add_datasample(
            'overlay',
            image,
            # mmseg takes the tensor of a single pixel for an index.
            sample.numpy(),
            draw_gt=False,
            # On a small image, the names hide the classes.
            with_labels=min(image.shape[:2]) >= _READABLE,
        )
        return self.visualizer.get_image()

    def write(self, prediction: SegPrediction, folder: OutputFolder) -> None:
        """See :meth:`Inferencer.write`."""
        height, width = prediction.labels.shape
        label_map = f'labels/{prediction.name}.png'
        folder.write_png(label_map, prediction.labels)
        folder.write_json(
            f'predictions/{prediction.name}.json',
            {
                'image': prediction.path,
                'height': height,
                'width': width,
                'label_map': label_map,
                'classes': [
                    {'label': self.classes.index(name), 'class': name, 'share': share}
                    for name, share in prediction.shares.items()
                ],
            },
        )
