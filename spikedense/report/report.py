"""The report of a checkpoint: accuracy, energy, firing and examples, as a page and as JSON."""

import json
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from torch import nn

from spikedense.analysis.energy import EnergySettings
from spikedense.analysis.energy_report import energy_report
from spikedense.analysis.firing import FiringStatistics
from spikedense.analysis.spikingjelly_energy import spikingjelly_energy
from spikedense.checks.checkpoint import checkpoint_for
from spikedense.checks.out_file import check_out_file
from spikedense.errors import UserError
from spikedense.inference.inferencer import Inferencer
from spikedense.inference.inputs import list_images
from spikedense.inference.model import open_model
from spikedense.inference.opening import open_inferencer
from spikedense.inference.sized_images import images_of, source_of_files, source_of_test_set
from spikedense.neurons import BaseNeuron
from spikedense.utils.files import complete_or_absent
from spikedense.version import __version__

from .accuracy import tested
from .examples import Example, Shown, examples_of_test_set, predict_examples, spread, watched
from .firing import firing_section
from .page import render_page

#: What a reader has to know before using a number of the page.
LIMITS = (
    'The energies are theoretical: counted operations times constants of one 45 nm process. '
    'Nothing was measured on hardware, and memory, which dominates on real chips, is not in them.',
    'T = 1 with D = 4 is a five-level quantiser: what such a model computes, an ANN with quantised '
    'activations computes as well. Its quantised twin is the network to compare it with.',
    'Sparsity gives no speed on a CPU or GPU, because dense kernels multiply the zeros too.',
    'A mean integer is bounded by D and a rate by 1; a printed energy that needs more is wrong. '
    'Rates and energies hold for these images at this size, and a dead network is cheap.',
)
_MAIN_METRICS = ('mIoU', 'aAcc', 'PQ', 'bbox_mAP', 'segm_mAP', 'accuracy/top1')
_INFERENCERS = ('mmseg', 'mmdet')
_LIBRARIES = ('mmengine', 'mmcv', 'mmseg', 'mmdet', 'mmpretrain')
_STEP = 32  # the sides of images are rounded up to a multiple of this stride of backbones


def make_report(
    config: str,
    checkpoint: str | None,
    out: str | Path,
    data: str = 'test',
    num_images: int = 10,
    examples: int = 4,
    shape: tuple[int, int] | None = None,
    settings: EnergySettings | None = None,
    spikingjelly: bool = False,
    cfg_options: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Test a checkpoint, count its energy, and write a page, with the numbers as JSON beside it.

    Args:
        config: Path of a config, or the name of a shipped one.
        checkpoint: Path of the checkpoint; None means the one that ships with the model.
        out: The page, ``NAME.html``; the numbers go to ``NAME.json``.
        data: ``'test'`` for the test set of the config, or a file, folder or pattern of images.
            These images have no ground truth, so the report has no accuracy.
        num_images: Number of images for the energy, at most; without the test set also the number
            of images for the firing.
        examples: Number of images to show.
        shape: Height and width for the energy; by default those of :func:`shape_of`.
        settings: The way of counting operations.
        spikingjelly: Whether to run SpikingJelly's energy models too.
        cfg_options: Dotted keys and the values that replace those of the config.

    Returns:
        The numbers: the content of the JSON file.

    Raises:
        UserError: The page cannot be written, the checkpoint is missing or does not fit, or there
            are no images. All of this is checked before anything runs.
    """
    page = Path(out).expanduser()
    check_out_file('--out', page, '.html')
    cfg, model = open_model(config, checkpoint, cfg_options)
    checkpoint = checkpoint_for(config, checkpoint)
    _check(cfg, data, examples)
    subject = _Subject(cfg, model, checkpoint, data, shape or shape_of(cfg), num_images, settings)
    if spikingjelly and not subject.spiking:
        raise UserError("--spikingjelly: SpikingJelly's models price spikes, this model has none")
    subject.images()  # raises an error if there are no images, before the long test
    accuracy, statistics, source, chosen = (
        subject.test(config, cfg_options, examples) if data == 'test' else subject.watch(examples)
    )
    shown = predict_examples(subject.inferencer, chosen) if chosen else []
    model.cpu()  # The test and the inferencer may have moved the model to a GPU.
    energy = subject.energy(spikingjelly)
    numbers = [subject.numbers(*pair) for pair in zip(chosen, shown, strict=True)]
    firing = firing_section(statistics, source) if statistics else None
    report = dict(
        title=_title(config, checkpoint, source, cfg_options),
        headline=_headline(accuracy, energy, firing),
        accuracy=accuracy,
        energy=energy,
        firing=firing,
        examples=numbers,
        limits=list(LIMITS),
    )
    _write(report, [example.pictures for example in shown], page)
    return report


#: Accuracy, statistics of the neurons, a phrase about the images of both, and images to show.
_Measured = tuple[dict[str, Any] | None, dict[str, FiringStatistics], str, list[Example]]


@dataclass(frozen=True)
class _Subject:
    """A model, and the images for its measurements."""

    cfg: Config
    model: nn.Module
    checkpoint: str
    data: str
    size: tuple[int, int]
    num_images: int
    settings: EnergySettings | None

    @property
    def spiking(self) -> bool:
        return any(isinstance(module, BaseNeuron) for module in self.model.modules())

    @cached_property
    def inferencer(self) -> Inferencer:
        return open_inferencer(self.cfg, self.checkpoint, network=self.model)

    def images(self, number: int | None = None, data: str | None = None) -> tuple[Any, str]:
        number = number or self.num_images
        return images_of(self.cfg, self.model, self.size, number, data or self.data)

    def test(self, config: str, cfg_options: Mapping[str, Any] | None, examples: int) -> _Measured:
        """Test the model on the whole test set, as ``tools/test.py`` does."""
        found, statistics = tested(
            self.cfg, config, self.checkpoint, cfg_options, self.model, self.spiking
        )
        chosen, length = examples_of_test_set(self.cfg, examples)
        source = source_of_test_set(length, length)
        return dict(source=source, **found), statistics, source, chosen

    def watch(self, examples: int) -> _Measured:
        """Measure firing on images without ground truth."""
        files = list_images(self.data, iter(()))[: self.num_images]
        paths = [str(image.path) for image in files]
        statistics = watched(self.inferencer, paths)[1]
        chosen = [Example(paths[i]) for i in spread(examples, len(paths))]
        return None, statistics, source_of_files(len(paths), self.data), chosen

    def energy(self, spikingjelly: bool) -> dict[str, Any]:
        images, source = self.images()
        found = energy_report(self.model, images, self.settings, source)
        found['spikingjelly'] = None
        if spikingjelly:
            found['spikingjelly'] = spikingjelly_energy(self.model, next(self.images(1)[0]))
        return found

    def numbers(self, example: Example, shown: Shown) -> dict[str, Any]:
        """Return the figures of an example, with the energy of its image in mJ."""
        images, _ = self.images(1, example.path)
        found = energy_report(self.model, images, self.settings, example.path)
        energy = dict(energy_mj=found['totals']['energy_mj']['fp32'])
        figures = dict(shown.numbers)
        prediction = figures.pop('prediction')
        return {**figures, **energy, 'prediction': prediction}


def _check(cfg: Config, data: str, examples: int) -> None:
    if examples < 0:
        raise UserError(f'{examples} examples, expected 0 or more')
    if data == 'random':
        raise UserError("--data 'random': a report is of images, expected test or files")
    library = cfg.get('default_scope')
    if library not in _INFERENCERS and (data != 'test' or examples):
        raise UserError(
            f'a report of a config of {library} has no examples and needs its test set; '
            'expected --data test --examples 0'
        )


def shape_of(cfg: Config) -> tuple[int, int]:
    """Return the size at which the model of a config sees images.

    Args:
        cfg: The config.

    Returns:
        Height and width: the ``crop_size`` of the config, or the size to which its test pipeline
        crops or resizes images (rounded up, as the images are padded), else 512 x 512.
    """
    crop = cfg.get('crop_size')
    if crop is not None:
        return _pair(crop)
    loader = cfg.get('test_dataloader') or {}
    for step in reversed(loader.get('dataset', {}).get('pipeline') or []):
        if step.get('crop_size') is not None:
            return _pair(step['crop_size'])
        scale = step.get('scale')
        if isinstance(scale, int | tuple | list):
            width, height = _pair(scale)
            return _rounded_up(height), _rounded_up(width)
    return 512, 512


def _pair(size: Any) -> tuple[int, int]:
    first, second = (size, size) if isinstance(size, int) else size
    return int(first), int(second)


def _rounded_up(side: int) -> int:
    return -(-side // _STEP) * _STEP


def _title(
    config: str, checkpoint: str, data: str, cfg_options: Mapping[str, Any] | None
) -> dict[str, Any]:
    versions = {'spikedense': __version__, 'torch': torch.__version__}
    for name in _LIBRARIES:
        if name in sys.modules:
            versions[name] = sys.modules[name].__version__
    return dict(
        config=config,
        checkpoint=Path(checkpoint).name,
        options=', '.join(f'{key}={value}' for key, value in (cfg_options or {}).items()),
        data=data,
        versions={**versions, 'Python': platform.python_version()},
        date=datetime.now().astimezone().strftime('%Y-%m-%d %H:%M %Z'),
    )


def _headline(
    accuracy: dict[str, Any] | None, energy: dict[str, Any], firing: dict[str, Any] | None
) -> list[dict[str, Any]]:
    """Return the figures at the top of the page: label, value, kind of number, unit."""
    metrics = accuracy['metrics'] if accuracy else {}
    main = [k for k in metrics if k in _MAIN_METRICS or k.rpartition('/')[2] in _MAIN_METRICS]
    total, mode = energy['totals'], energy['settings']['mode']
    figures = [
        *((key, metrics[key], 'plain', '') for key in main or list(metrics)[:2]),
        ('parameters', energy['parameters'], 'mega', 'M'),
        ('SOPs an image', total['sops'], 'giga', 'G'),
        (f'energy an image, fp32 ({mode})', total['energy_mj']['fp32'], 'plain', 'mJ'),
    ]
    if firing:
        summary = firing['summary']
        units = f'of {summary["counted"]["units"]:,}'
        figures += [
            ('mean firing rate', summary['mean_rate'], 'plain', ''),
            ('dead units', summary['counted']['dead'], 'count', units),
        ]
    return [dict(zip(('label', 'value', 'kind', 'unit'), row, strict=True)) for row in figures]


def _write(report: dict[str, Any], pictures: list[list[dict[str, str]]], page: Path) -> None:
    """Write both files, or none of them."""
    html = render_page(report, pictures)
    numbers = json.dumps(report, indent=2, allow_nan=False) + '\n'
    with (
        complete_or_absent(page) as page_part,
        complete_or_absent(page.with_suffix('.json')) as json_part,
    ):
        page_part.write_text(html, encoding='utf-8')
        json_part.write_text(numbers, encoding='utf-8')
