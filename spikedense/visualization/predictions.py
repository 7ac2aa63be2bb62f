"""Pictures of predictions: image, truth and prediction side by side."""

from typing import Any

import cv2
import numpy as np
from mmengine.registry import VISUALIZERS
from mmengine.structures import BaseDataElement

from .comparison import compare
from .panels import colour_labels, palette_of, void_hatched

_READABLE, _LONGEST = 256, 1024  # pixels: of the shorter side at least, of the longer side at most
_SCORE_THR = 0.3


class PredictionPictures:
    """Draws predictions of mmseg, mmdet and mmpretrain.

    Args:
        cfg: The visualizer of the config. It draws the boxes and masks of mmdet and the words of
            mmpretrain; label maps of mmseg have the plain colours of their classes.
    """

    def __init__(self, cfg: Any) -> None:
        # Without a backend, because the visualizer of the run also writes each picture to the logs.
        plain = {key: value for key, value in cfg.items() if key != 'vis_backends'}
        self.visualizer: Any = VISUALIZERS.build({**plain, 'name': f'{plain.get("name")}_pictures'})

    def draw(self, image: np.ndarray, sample: BaseDataElement, meta: Any) -> np.ndarray:
        """Draw the picture of a sample.

        Args:
            image: RGB ``[H, W, 3]``, uint8.
            sample: A data sample with a prediction, and maybe with labels.
            meta: The ``classes`` and maybe the ``palette`` of the data set.

        Returns:
            RGB, uint8. A small image is enlarged, a large one made smaller.
        """
        if 'pred_sem_seg' in sample and 'pred_instances' not in sample:
            return _label_maps(image, sample, meta)
        self.visualizer.dataset_meta = {**meta, 'palette': palette_of(meta)}
        factor = -(-_READABLE // min(image.shape[:2]))
        large = _resized(image, (image.shape[0] * factor, image.shape[1] * factor))
        if hasattr(self.visualizer, 'visualize_cls'):
            self.visualizer.visualize_cls(large, sample)
            return compare({'image, truth and prediction': self.visualizer.get_image()})
        return self._objects(large, sample, meta, factor)

    def _objects(
        self, image: np.ndarray, sample: BaseDataElement, meta: Any, factor: int
    ) -> np.ndarray:
        """Draw boxes, masks and segments."""
        # mmdet takes seconds to import, and only its models need it.
        from .det_samples import drawn_prediction, drawn_truth, labels_of, void_of

        classes = list(meta['classes'])
        panels = {'image': image}
        truth = drawn_truth(sample, factor)
        if truth is not None:
            self.visualizer.add_datasample('truth', image, truth, draw_pred=False)
            panels['truth'] = void_hatched(
                self.visualizer.get_image(), void_of(truth, len(classes))
            )
        found = drawn_prediction(sample, len(classes), _SCORE_THR, factor)
        self.visualizer.add_datasample(
            'prediction', image, found, draw_gt=False, pred_score_thr=-1.0
        )
        of_scores = 'pred_panoptic_seg' not in sample
        caption = f'prediction (score {_SCORE_THR} or more)' if of_scores else 'prediction'
        panels[caption] = self.visualizer.get_image()
        size = _size(image)
        labels = set().union(*(labels_of(drawn, len(classes)) for drawn in (truth, found) if drawn))
        palette = palette_of(meta)
        return compare(
            {name: _resized(panel, size) for name, panel in panels.items()},
            [(str(classes[label]), palette[label]) for label in sorted(labels)],
            void=truth is not None and bool(void_of(truth, len(classes)).any()),
        )


def _label_maps(image: np.ndarray, sample: BaseDataElement, meta: Any) -> np.ndarray:
    """Draw label maps in the plain colours of their classes, void hatched."""
    classes = list(meta['classes'])
    palette = palette_of(meta)
    size = _size(image)
    maps = {}
    if 'gt_sem_seg' in sample:
        maps['truth'] = sample.gt_sem_seg.data
    maps['prediction'] = sample.pred_sem_seg.data
    labels = {
        name: _resized(data.squeeze().cpu().numpy().astype(np.int32), size, True)
        for name, data in maps.items()
    }
    seen = np.unique(np.concatenate([x.ravel() for x in labels.values()]))
    known = [int(i) for i in seen if 0 <= i < len(classes)]
    panels = {'image': _resized(image, size)}
    panels.update({name: colour_labels(x, palette) for name, x in labels.items()})
    legend = [(str(classes[i]), palette[i]) for i in known]
    return compare(panels, legend, void=len(known) < len(seen))


def _size(image: np.ndarray) -> tuple[int, int]:
    """Return the height and width of a panel."""
    height, width = image.shape[:2]
    if max(height, width) > _LONGEST:
        scale = _LONGEST / max(height, width)
        return max(round(height * scale), 1), max(round(width * scale), 1)
    factor = -(-_READABLE // min(height, width))
    return height * factor, width * factor


def _resized(pixels: np.ndarray, size: tuple[int, int], labels: bool = False) -> np.ndarray:
    """Resize an image or a label map; both keep sharp pixels if they are enlarged."""
    if pixels.shape[:2] == tuple(size):
        return np.ascontiguousarray(pixels)
    smaller = size[0] < pixels.shape[0] and not labels
    how = cv2.INTER_AREA if smaller else cv2.INTER_NEAREST
    return cv2.resize(pixels, (size[1], size[0]), interpolation=how)
