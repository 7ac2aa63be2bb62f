"""Measure the receptive fields of layers: ``spikedense erf CONFIG [CHECKPOINT] --out DIR``.

The folder gets the maps, the numbers, the figures and one page that needs no other file.

Examples:
    spikedense erf CONFIG CHECKPOINT --images photos --num 50 --out erf
    spikedense erf CONFIG --layers 'backbone.stages.*.blocks.*' --shape 512 512 --out erf
    spikedense erf CONFIG CHECKPOINT --compare OTHER.py OTHER.pth RESULTS --out erf
    spikedense erf CONFIG CHECKPOINT --move 4 --t-out last --out erf
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from rich.console import Console
from rich.progress import track
from torch import Tensor, nn

from spikedense.analysis.distance_report import DistanceMeter, report_of
from spikedense.analysis.distance_table import print_distances
from spikedense.analysis.erf import ERFResult, st_erf
from spikedense.analysis.erf.figures import write_figures
from spikedense.analysis.erf.layers import STAGES, Subject
from spikedense.analysis.erf.page import write_page
from spikedense.analysis.erf.result import METRICS_FILE
from spikedense.analysis.erf.stimulus import REDUCES
from spikedense.analysis.erf.table import print_fields
from spikedense.checks.checkpoint import given_or_found
from spikedense.errors import UserError
from spikedense.inference.model import open_model
from spikedense.inference.sized_images import images_of

from .arguments import add_model_arguments, add_shape_argument
from .command import command

#: Columns that the table needs. A narrower terminal wraps or scrolls the table.
_WIDTH = 140
#: Images in a forward pass.
_BATCH = 2
_NOISE = 'noise'
#: Endings of checkpoints, which tell them from configs.
_WEIGHTS = ('.pth', '.pt', '.safetensors')


def _step(text: str) -> int | str:
    """Read a value of ``--t-out``."""
    return text if text in ('all', 'last') else int(text)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_model_arguments(parser)
    parser.add_argument('--out', type=Path, required=True, help='folder for all results')
    parser.add_argument(
        '--layers',
        nargs='+',
        default=[STAGES],
        metavar='NAME',
        help=f"'{STAGES}' (the outputs of the backbone), names of modules, or patterns with *",
    )
    parser.add_argument(
        '--images', default=_NOISE, help=f"{_NOISE}, test (the config's test set), or a folder"
    )
    parser.add_argument('--num', type=int, default=50, help='largest number of images')
    add_shape_argument(parser, (224, 224))
    parser.add_argument(
        '--move',
        type=int,
        default=0,
        metavar='PIXELS',
        help='make a clip of each image, which moves right by so many pixels in each time step',
    )
    parser.add_argument(
        '--t-out',
        type=_step,
        default='all',
        metavar='STEP',
        help='output steps with a stimulus: all, last, or the number of one',
    )
    parser.add_argument(
        '--center', nargs=2, type=int, metavar=('ROW', 'COLUMN'), help='in the map of each layer'
    )
    parser.add_argument(
        '--reduce', choices=REDUCES, default='sum', help='stimulus of the channels of a layer'
    )
    parser.add_argument(
        '--official-quirks', action='store_true', help='do what the released code does'
    )
    parser.add_argument(
        '--compare',
        nargs='+',
        default=[],
        metavar='MODEL',
        help='more models: a config, maybe with its checkpoint behind it, or the folder of a '
        'former result',
    )
    parser.add_argument(
        '--names', nargs='+', metavar='NAME', help='names of all models in figures and tables'
    )


@dataclass(frozen=True)
class _Asked:
    """A model that the user names, or a former result."""

    config: str
    checkpoint: str | None = None

    @property
    def is_result(self) -> bool:
        return (Path(self.config) / METRICS_FILE).is_file()


def _asked(args: argparse.Namespace) -> list[_Asked]:
    """Return all models of the command line, the main one first."""
    found = [_Asked(args.config, args.checkpoint)]
    for word in args.compare:
        if not word.endswith(_WEIGHTS):
            found.append(_Asked(word))
        elif len(found) > 1 and found[-1].checkpoint is None:
            found[-1] = replace(found[-1], checkpoint=word)
        else:
            raise UserError(f"--compare '{word}' is a checkpoint, expected its config before it")
    return found


def _names(asked: Sequence[_Asked], given: Sequence[str] | None) -> list[str]:
    """Return a name for each model: the given one, or that of its files."""
    if given is None:
        given = [Path(one.config).stem for one in asked]
        # Of two checkpoints of one config, or two results, the name of the config says nothing.
        given = [
            f'{name} {Path(one.checkpoint).stem}'
            if given.count(name) > 1 and one.checkpoint
            else name
            for name, one in zip(given, asked, strict=True)
        ]
    if len(given) != len(asked) or len(set(given)) < len(given):
        raise UserError(
            f'--names {" ".join(given)}: expected {len(asked)} different names, one for each model'
        )
    return list(given)


@command(__doc__, _add_arguments)
def main(args: argparse.Namespace) -> list[ERFResult]:
    """Measure the fields, write all files, and print the table.

    Returns:
        The fields of each model.
    """
    out = args.out.expanduser()
    for path in (out, *out.parents):
        if path.exists() and not path.is_dir():
            raise UserError(f"--out '{args.out}': '{path}' is a file, expected a folder")
    asked = _asked(args)
    names = _names(asked, args.names)
    # All models are opened before the first one is measured, so that mistakes are found early.
    opened = [None if one.is_result else _open(one, args) for one in asked]
    results = []
    for one, name, subject in zip(asked, names, opened, strict=True):
        if subject is None:
            results.append(replace(ERFResult.load(one.config), model=name))
        else:
            results.append(_measured(*subject, name, args))
    console = Console(width=max(_WIDTH, Console().width))
    print_fields(results, console)
    for result in results:
        if result.distance is not None:
            print_distances(dict(result.distance, model=result.model), console)
    for result in results:
        result.save(out if len(results) == 1 else out / result.model.replace('/', '_'))
    write_figures(results, out)
    print(f'results: {args.out}')
    print(f'page: {write_page(results, out)}')
    return results


def _open(one: _Asked, args: argparse.Namespace) -> tuple[Config, nn.Module]:
    """Open a model, and check the names of its layers."""
    checkpoint = given_or_found(one.config, one.checkpoint)
    cfg, model = open_model(one.config, checkpoint, args.cfg_options)
    subject = Subject(model)
    subject.choose(args.layers)
    if args.move and subject.steps == 1:
        raise UserError(
            f"--move {args.move}, but the model of '{one.config}' has one time step (T=1), "
            'expected another number of time steps'
        )
    return cfg, model


def _measured(cfg: Config, model: nn.Module, name: str, args: argparse.Namespace) -> ERFResult:
    """Measure the fields of a model, and how far its attentions look, in the same passes."""
    data = 'random' if args.images == _NOISE else args.images
    images, _ = images_of(cfg, model, tuple(args.shape), args.num, data)
    batches = track(
        _batches(images, args.move, Subject(model).steps),
        description=name,
        total=args.num / _BATCH,
        console=Console(stderr=True),
    )
    source = args.images + (f', moving {args.move} pixels a step' if args.move else '')
    settings: dict[str, Any] = dict(
        center='mid' if args.center is None else tuple(args.center),
        t_out=args.t_out,
        delays=args.t_out == 'all' and not args.official_quirks,
        reduce=args.reduce,
        official_quirks=args.official_quirks,
        name=name,
        source=source,
    )
    try:
        meter = DistanceMeter(model)
    except ValueError:  # no attention tells its weights
        return st_erf(model, batches, args.layers, **settings)
    with meter:
        result = st_erf(model, batches, args.layers, **settings)
    distance = report_of(meter, result.num_images, args.shape, source)
    return replace(result, distance=distance if distance['attentions'] else None)


def _batches(images: Iterator[Tensor], move: int, steps: int) -> Iterator[Tensor]:
    """Put single images together, ``[B, C, H, W]``, or make clips of them, ``[T, B, C, H, W]``."""
    waiting: list[Tensor] = []
    for image in images:
        waiting.append(image)
        if len(waiting) == _BATCH:
            yield _clip(torch.cat(waiting), move, steps)
            waiting = []
    if waiting:
        yield _clip(torch.cat(waiting), move, steps)


def _clip(batch: Tensor, move: int, steps: int) -> Tensor:
    if not move:
        return batch
    return torch.stack([batch.roll(step * move, -1) for step in range(steps)])
