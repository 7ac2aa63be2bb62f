"""The examples of a report: images, predictions over them, and what each image costs."""

import base64
from collections import Counter
from collections.abc import Callable, Sequence
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
from spikedense.neurons import BaseNeuron

from .inference_inputs import InputImage
from .inferencer import Inferencer

_SMALL = 256  # pixels of the longer side: below, a picture is kept to the pixel
_LONGEST = 720
_IGNORED = 255


@dataclass(frozen=True)
class Example:
    """An image to show.

    Args:
        path: its file.
        truth: label of each pixel, ``[1, H, W]`` as the library packs it; None where unknown.
    """

    path: str
    truth: Any = None


def spread(number: int, length: int) -> list[int]:
    """Indices of so many of a list, evenly spread over it."""
    number = min(number, length)
    return [index * length // number for index in range(number)]


def examples_of_test_set(cfg: Config, number: int) -> tuple[list[Example], int]:
    """Images of the test set that are files, with their truth where it is a map of classes.

    Args:
        cfg: the config; its test set is there.
        number: how many, at most.

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


def show(
    infer: Inferencer, examples: Sequence[Example], energy_mj: Callable[[str], float]
) -> tuple[list[dict[str, Any]], list[list[dict[str, str]]]]:
    """Predicts examples one by one.

    Args:
        infer: the inferencer.
        examples: the images.
        energy_mj: energy of an image, by its path.

    Returns:
        Of each its numbers, and its pictures, ``label`` and ``uri``: input, truth, prediction.
    """
    numbers, pictures = [], []
    for example in examples:
        prediction, statistics, overlay = _predicted(infer, example.path)
        image = _read(example.path)
        shown = [dict(label='input', uri=picture_uri(image))]
        truth = _truth(infer, example, image)
        if truth is not None:
            shown.append(dict(label=_truth_label(example.truth), uri=picture_uri(truth)))
        shown.append(dict(label='prediction', uri=picture_uri(overlay)))
        pictures.append(shown)
        numbers.append(
            dict(
                image=Path(example.path).name,
                size=list(image.shape[:2]),
                mean_rate=summarise(statistics)['mean_rate'] if statistics else None,
                energy_mj=energy_mj(example.path),
                prediction=_in_words(infer, prediction),
            )
        )
    return numbers, pictures


def _predicted(infer: Inferencer, path: str) -> tuple[Any, dict[str, FiringStatistics], np.ndarray]:
    """A prediction, how the neurons fired for it, and its overlay."""
    with TemporaryDirectory(prefix='spikedense_report_') as folder:
        (prediction,), statistics = watched(infer, [path], out_dir=folder, json=False)
        (file,) = Path(folder, 'overlays').iterdir()
        return prediction, statistics, _read(str(file))


def watched(
    infer: Inferencer, paths: Sequence[str], **options: Any
) -> tuple[list[Any], dict[str, FiringStatistics]]:
    """Predictions, and how the neurons fired for all of them.

    Args:
        infer: the inferencer.
        paths: the images.
        **options: those of :meth:`Inferencer.predict`.
    """
    # An ANN has no neuron to watch.
    spiking = any(isinstance(module, BaseNeuron) for module in infer.model.modules())
    meter = FiringMeter(infer.model) if spiking else None
    with meter or nullcontext():
        predictions = infer(list(paths), progress=False, **options)
    return predictions, meter.statistics() if meter else {}


def _truth(infer: Inferencer, example: Example, image: np.ndarray) -> np.ndarray | None:
    """The true classes over an image, drawn as a prediction is."""
    if example.truth is None or tuple(example.truth.data.shape[-2:]) != image.shape[:2]:
        return None
    from mmseg.structures import SegDataSample

    sample = SegDataSample(pred_sem_seg=example.truth)
    return infer._draw(image, sample, **infer.options)


def _read(path: str) -> np.ndarray:
    """An image as inferencers read it, RGB ``[H, W, 3]``, uint8."""
    return InputImage(Path(path).stem, path).read_rgb()


def _truth_label(truth: Any) -> str:
    ignored = bool((truth.data == _IGNORED).any())
    return 'ground truth, ignored pixels dark' if ignored else 'ground truth'


def picture_uri(image: np.ndarray) -> str:
    """A picture as an address that holds it: small ones to the pixel, photographs compressed.

    Args:
        image: RGB ``[H, W, 3]``, uint8.
    """
    longest = max(image.shape[:2])
    if longest > _LONGEST:
        size = [max(round(side * _LONGEST / longest), 1) for side in image.shape[1::-1]]
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    kind, options = ('png', []) if longest <= _SMALL else ('jpeg', [cv2.IMWRITE_JPEG_QUALITY, 88])
    encoded = cv2.imencode(f'.{kind}', np.ascontiguousarray(image[..., ::-1]), options)[1]
    return f'data:image/{kind};base64,{base64.b64encode(encoded.tobytes()).decode()}'


def _in_words(infer: Inferencer, prediction: Any) -> list[dict[str, Any]]:
    """What was found, the most of it first: classes with the share of their pixels, or counts."""
    shares = getattr(prediction, 'shares', None)
    if shares is not None:
        palette = dict(zip(infer.classes, infer.model.dataset_meta['palette'], strict=True))
        ordered = sorted(shares.items(), key=lambda item: -item[1])
        return [
            {'class': name, 'share': share, 'color': [int(c) for c in palette[name]]}
            for name, share in ordered
        ]
    # The overlay of a panoptic prediction shows its segments.
    found = prediction.instances if prediction.segments is None else prediction.segments
    counts = Counter(one.class_name for one in found or [])
    return [{'class': name, 'count': count} for name, count in counts.most_common()]
