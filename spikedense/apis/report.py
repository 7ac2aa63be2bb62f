"""A report of a checkpoint: accuracy, energy, firing and examples, as a page and as JSON."""

import json
import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from torch import nn

from spikedense.analysis.energy import EnergySettings
from spikedense.analysis.energy_report import energy_report
from spikedense.analysis.firing import FiringStatistics
from spikedense.analysis.spikingjelly_energy import spikingjelly_energy
from spikedense.neurons import BaseNeuron
from spikedense.version import __version__
from spikedense.visualization.report_page import render_page

from . import report_accuracy, report_examples
from .analysed_model import images_of, open_model
from .errors import UserError
from .inference_inputs import list_images
from .inferencer import Inferencer, open_inferencer
from .report_examples import Example

#: What a reader has to know before he uses a number of the page.
LIMITS = (
    'The energies are theoretical: counted operations times constants of one 45 nm process. '
    'Nothing was measured on hardware, and memory, which dominates on real chips, is not in them.',
    'T = 1 with D = 4 is a five-level quantiser: what such a model computes, an ANN with quantised '
    'activations computes as well. Its quantised twin is the network to compare it with.',
    'Sparsity gives no speed on a CPU or GPU, whose dense kernels multiply the zeros too.',
    'A mean integer is bounded by D and a rate by 1; a printed energy that needs more is wrong. '
    'Rates and energies hold for these images at this size, and a dead network is cheap.',
)
_MAIN_METRICS = ('mIoU', 'aAcc', 'PQ', 'bbox_mAP', 'segm_mAP', 'accuracy/top1')
_INFERENCERS = ('mmseg', 'mmdet')
_LIBRARIES = ('mmengine', 'mmcv', 'mmseg', 'mmdet', 'mmpretrain')
_STEP = 32  # sides of images that no config gives are rounded up to it, as backbones have them


def make_report(
    config: str,
    checkpoint: str,
    out: str | Path,
    data: str = 'test',
    num_images: int = 10,
    examples: int = 4,
    shape: tuple[int, int] | None = None,
    settings: EnergySettings | None = None,
    merged: bool = True,
    separable: bool = False,
    order: str | None = None,
    spikingjelly: bool = False,
    cfg_options: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Tests a checkpoint, counts its energy and writes a page, and its numbers as JSON beside it.

    Args:
        config: Path of a config, or the name of one that is shipped.
        checkpoint: File with the weights.
        out: The page, ``NAME.html``; the numbers go to ``NAME.json``.
        data: ``'test'`` for the config's test set, or a file, folder or pattern of images, which
            have no ground truth: then there is no accuracy.
        num_images: Images that the energy is counted over, at most; of ``data`` other than the
            test set also those that firing is measured over.
        examples: Images to show.
        shape: Height and width for the energy; by default those of :func:`shape_of`.
        settings: What counts as what.
        merged: See :func:`spikedense.analysis.energy_report.energy_report`.
        separable: See there.
        order: See there.
        spikingjelly: Whether to run SpikingJelly's energy models too.
        cfg_options: Dotted keys and the values that replace the config's.

    Returns:
        The numbers: what the JSON file holds.

    Raises:
        UserError: The page cannot be written there, the checkpoint is missing or does not fit, or
            there are no images. All of it is found before anything runs.
    """
    page = _checked_out(out)
    cfg, model = open_model(config, checkpoint, cfg_options)
    _check(cfg, data, examples)
    subject = _Subject(
        cfg,
        model,
        checkpoint,
        data,
        shape or shape_of(cfg),
        num_images,
        dict(settings=settings, merged=merged, separable=separable, order=order),
    )
    if spikingjelly and not subject.spiking:
        raise UserError("--spikingjelly: SpikingJelly's models price spikes, this model has none")
    subject.images()  # so that missing ones are told of before the test
    accuracy, statistics, watched, chosen = (
        subject.tested(config, cfg_options, examples)
        if data == 'test'
        else subject.watched(examples)
    )
    energy = subject.energy(spikingjelly)
    numbers, pictures = subject.examples(chosen)
    firing = report_accuracy.firing_section(statistics, watched) if statistics else None
    report = dict(
        title=_title(config, checkpoint, watched, cfg_options),
        headline=_headline(accuracy, energy, firing),
        accuracy=accuracy,
        energy=energy,
        firing=firing,
        examples=numbers,
        limits=list(LIMITS),
    )
    _write(report, pictures, page)
    return report


#: Accuracy, statistics of the neurons, what they were measured on, and the images to show.
_Measured = tuple[dict[str, Any] | None, dict[str, FiringStatistics], str, list[Example]]


@dataclass(frozen=True)
class _Subject:
    """A model and what it is to be measured on."""

    cfg: Config
    model: nn.Module
    checkpoint: str
    data: str
    size: tuple[int, int]
    num_images: int
    counting: dict[str, Any]

    @property
    def spiking(self) -> bool:
        return any(isinstance(module, BaseNeuron) for module in self.model.modules())

    def images(self, number: int | None = None, data: str | None = None) -> tuple[Any, str]:
        number = number or self.num_images
        return images_of(self.cfg, self.model, self.size, number, data or self.data)

    def tested(
        self, config: str, cfg_options: Mapping[str, Any] | None, examples: int
    ) -> _Measured:
        """The whole test set, by the project's own test."""
        found, statistics = report_accuracy.tested(
            self.cfg, config, self.checkpoint, cfg_options, self.spiking
        )
        chosen, length = report_examples.examples_of_test_set(self.cfg, examples)
        source = f'the test set of the config, all {length} images'
        return dict(source=source, **found), statistics, source, chosen

    def watched(self, examples: int) -> _Measured:
        """Images without ground truth, by the inferencer."""
        files = list_images(self.data, iter(()))[: self.num_images]
        paths = [str(image.path) for image in files]
        statistics = report_examples.watched(self._inferencer(), paths)[1]
        chosen = [Example(paths[i]) for i in report_examples.spread(examples, len(paths))]
        return None, statistics, f"{len(paths)} file(s) of '{self.data}'", chosen

    def energy(self, spikingjelly: bool) -> dict[str, Any]:
        images, source = self.images()
        found = energy_report(self.model, images, source=source, **self.counting)
        found['spikingjelly'] = None
        if spikingjelly:
            found['spikingjelly'] = spikingjelly_energy(self.model, next(self.images(1)[0]))
        return found

    def examples(
        self, chosen: list[Example]
    ) -> tuple[list[dict[str, Any]], list[list[dict[str, str]]]]:
        if not chosen:
            return [], []
        return report_examples.show(self._inferencer(), chosen, self._millijoule)

    def _inferencer(self) -> Inferencer:
        return open_inferencer(self.cfg, self.checkpoint)

    def _millijoule(self, path: str) -> float:
        images, _ = self.images(1, path)
        found = energy_report(self.model, images, source=path, **self.counting)
        return found['totals']['energy_mj']['fp32']


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


def _checked_out(out: str | Path) -> Path:
    page = Path(out).expanduser()
    if page.suffix != '.html':
        raise UserError(f"--out '{out}': expected a name that ends in .html")
    if page.is_dir() or not page.parent.is_dir():
        raise UserError(f"--out '{out}': expected a file in a folder that exists")
    return page


def shape_of(cfg: Config) -> tuple[int, int]:
    """The size at which a config sees images.

    Args:
        cfg: the config: its ``crop_size``, or what its test pipeline crops or resizes to, there
            rounded up as the images are padded.

    Returns:
        Height and width; 512 x 512 where it does not say.
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
    """The figures that come first: label, value, kind of number, unit."""
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
    """Writes both files, or none of them."""
    contents = {
        page: render_page(report, pictures),
        page.with_suffix('.json'): json.dumps(report, indent=2, allow_nan=False) + '\n',
    }
    parts = {path: path.with_name(f'.{path.name}.part') for path in contents}
    try:
        for path, text in contents.items():
            parts[path].write_text(text, encoding='utf-8')
        for path, part in parts.items():
            os.replace(part, path)
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)
