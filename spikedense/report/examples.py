"""The examples of a report: images, and the predictions over them."""

import base64
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
from mmengine.config import Config
from mmengine.registry import DATASETS, DefaultScope

from spikedense.analysis.firing import FiringMeter, FiringStatistics, summarise
from spikedense.inference.inferencer import Inferencer
from spikedense.inference.inputs import InputImage
from spikedense.neurons import BaseNeuron
from spikedense.visualization.panels import void_hatched

_SMALL = 256  # pixels of the longer side up to which a picture is stored without loss
_LONGEST = 720
_IGNORED = 255


@dataclass(frozen=True)
class Example:
    """An image to show.

    Args:
        path: Path of the file.
        truth: The true label of each pixel, ``[1, H, W]``, as mmseg packs it; None if unknown.
    """

    path: str
    truth: Any = None


def spread(number: int, length: int) -> list[int]:
    """Return the indices of ``number`` elements that are evenly spread over a list."""
    number = min(number, length)
    return [index * length // number for index in range(number)]


def examples_of_test_set(cfg: Config, number: int) -> tuple[list[Example], int]:
    """Choose images of the test set that are files, with their true classes if mmseg has them.

    Args:
        cfg: The config. Its test set must exist.
        number: Number of images, at most.

    Returns:
        The examples, and the length of the test set.
    """
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mmseg')):
        dataset: Any = DATASETS.build(cfg.test_dataloader.dataset)
        found = []
        for index in spread(number, len(dataset)):
            sample = dataset[index]['data_samples']
            path = sample.metainfo.get('img_path')
            if path is not None:
                truth = sample.get('gt_sem_seg') if cfg.get('default_scope') == 'mmseg' else None
                found.append(Example(str(path), truth))
        return found, len(dataset)


@dataclass(frozen=True)
class Shown:
    """An example with its prediction.

    Args:
        numbers: Figures for the report: ``image``, ``size``, ``mean_rate``, ``prediction``.
        pictures: ``label`` and ``uri`` of each picture: input, truth (if known) and prediction.
    """

    numbers: dict[str, Any]
    pictures: list[dict[str, str]]


def predict_examples(infer: Inferencer, examples: Sequence[Example]) -> list[Shown]:
    """Predict examples one by one.

    Args:
        infer: The inferencer.
        examples: The images.

    Returns:
        Figures and pictures of each example.
    """
    return [_predict(infer, example) for example in examples]


def _predict(infer: Inferencer, example: Example) -> Shown:
    with TemporaryDirectory(prefix='spikedense_report_') as folder:
        (prediction,), statistics = watched(infer, [example.path], out_dir=folder, json=False)
        (file,) = Path(folder, 'overlays').iterdir()
        overlay = _read(str(file))
    image = _read(example.path)
    truth = _truth(infer, example, image)
    pictures = [dict(label='input', uri=picture_uri(image))]
    if truth is not None:
        pictures.append(dict(label=_truth_label(example.truth), uri=picture_uri(truth)))
    pictures.append(dict(label='prediction', uri=picture_uri(overlay)))
    numbers = dict(
        image=Path(example.path).name,
        size=list(image.shape[:2]),
        mean_rate=summarise(statistics)['mean_rate'] if statistics else None,
        prediction=_in_words(infer, prediction),
    )
    return Shown(numbers, pictures)


def watched(
    infer: Inferencer, paths: Sequence[str], **options: Any
) -> tuple[list[Any], dict[str, FiringStatistics]]:
    """Predict images, and measure how the neurons fire.

    Args:
        infer: The inferencer.
        paths: The images.
        **options: See :meth:`Inferencer.predict`.

    Returns:
        The predictions, and the statistics of each neuron over all images (of an ANN an empty
        dict).
    """
    spiking = any(isinstance(module, BaseNeuron) for module in infer.model.modules())
    meter = FiringMeter(infer.model) if spiking else None
    with meter or nullcontext():
        predictions = infer(list(paths), progress=False, **options)
    return predictions, meter.statistics() if meter else {}


def _truth(infer: Inferencer, example: Example, image: np.ndarray) -> np.ndarray | None:
    """Draw the true classes over an image, in the way of a prediction."""
    if example.truth is None or tuple(example.truth.data.shape[-2:]) != image.shape[:2]:
        return None
    from mmseg.structures import SegDataSample

    sample = SegDataSample(pred_sem_seg=example.truth)
    drawn = infer.draw(image, sample, **infer.options)
    return void_hatched(drawn, np.asarray(example.truth.data[0]) >= len(infer.classes))


def _read(path: str) -> np.ndarray:
    """Read an image as inferencers do, RGB ``[H, W, 3]``, uint8."""
    return InputImage(Path(path).stem, path).read_rgb()


def _truth_label(truth: Any) -> str:
    ignored = bool((truth.data == _IGNORED).any())
    return 'ground truth, hatched: no label' if ignored else 'ground truth'


def picture_uri(image: np.ndarray) -> str:
    """Return an address that contains a picture: a small one as PNG, a large one as JPEG.

    Args:
        image: RGB ``[H, W, 3]``, uint8.

    Returns:
        A ``data:`` address. A picture of more than 720 pixels is made smaller.
    """
    longest = max(image.shape[:2])
    if longest > _LONGEST:
        size = [max(round(side * _LONGEST / longest), 1) for side in image.shape[1::-1]]
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    kind, options = ('png', []) if longest <= _SMALL else ('jpeg', [cv2.IMWRITE_JPEG_QUALITY, 88])
    encoded = cv2.imencode(f'.{kind}', np.ascontiguousarray(image[..., ::-1]), options)[1]
    return f'data:image/{kind};base64,{base64.b64encode(encoded.tobytes()).decode()}'


def _in_words(infer: Inferencer, prediction: Any) -> list[dict[str, Any]]:
    """List what was found, the largest part first: classes with shares of pixels, or counts."""
    shares = getattr(prediction, 'shares', None)
    if shares is not None:
        palette = dict(zip(infer.classes, infer.model.dataset_meta['palette'], strict=True))
        ordered = sorted(shares.items(), key=lambda item: -item[1])
        return [
            {'class': name, 'share': share, 'color': [int(c) for c in palette[name]]}
            for name, share in ordered
        ]
    # Of a panoptic prediction, the segments are listed, because the overlay shows the segments.
    found = prediction.instances if prediction.segments is None else prediction.segments
    counts = Counter(one.class_name for one in found or [])
    return [{'class': name, 'count': count} for name, count in counts.most_common()]
