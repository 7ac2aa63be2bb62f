"""Write a small classification set: ``spikedense make-patches CONFIG data/patches --size 32``.

CONFIG is a config of semantic segmentation. Patches are cut from its training and test images; the
class of a patch is what its middle shows. With ``faces`` in the place of CONFIG, the set is 200
photographs that scikit-image ships, faces and others. OUT then has ``train/CLASS`` and
``test/CLASS``, as mmpretrain's ``CustomDataset`` reads them.
"""

import argparse
from collections import Counter
from pathlib import Path

from mmengine.registry import DATASETS, init_default_scope

from spikedense.checks.config import library_of, open_config
from spikedense.datasets.patches import FACES, cut_patches, describe, faces, write_patches
from spikedense.errors import UserError
from spikedense.utils.files import complete_or_absent_folder

from .command import command


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument('source', help='a config of semantic segmentation, or: faces')
    parser.add_argument('out', type=Path, help='folder to write; it must be empty or new')
    parser.add_argument('--size', type=int, default=32, help='side of the patches (32)')
    parser.add_argument(
        '--per-class', type=int, default=500, metavar='N', help='training patches a class (500)'
    )
    parser.add_argument(
        '--test-per-class', type=int, default=100, metavar='N', help='test patches a class (100)'
    )
    parser.add_argument('--seed', type=int, default=0, help='seed of the places (0)')


@command(__doc__, _add_arguments)
def main(args: argparse.Namespace) -> None:
    """Write the set beside its place, and move it there when it is complete."""
    for option, value in (
        ('--size', args.size),
        ('--per-class', args.per_class),
        ('--test-per-class', args.test_per_class),
    ):
        if value < 1:
            raise UserError(f'{option} {value}, expected at least 1')
    if args.out.exists() and (not args.out.is_dir() or any(args.out.iterdir())):
        raise UserError(f'{args.out} is not empty, expected a new folder')
    counts: dict[str, Counter[str]] = {}
    with complete_or_absent_folder(args.out) as folder:
        if args.source == 'faces':
            classes = FACES
            photographs = list(faces())
            for split in ('train', 'test'):
                own = ((name, image) for where, name, image in photographs if where == split)
                counts[split] = write_patches(own, folder / split)
        else:
            classes, cuts = _cuts(args)
            for split, patches in cuts.items():
                counts[split] = write_patches(patches, folder / split)
    for split, written in counts.items():
        print(f'{args.out / split}: {describe(written, classes)}')


def _cuts(args: argparse.Namespace) -> tuple:
    """Return the classes of a config's data, and the patches of each split."""
    cfg = open_config(args.source)
    if library_of(cfg) != 'mmseg':
        raise UserError(
            f"'{args.source}' is a config of {library_of(cfg)}, expected one of mmseg, or the word "
            'faces'
        )
    init_default_scope('mmseg')
    datasets = {}
    for split, count in (('train', args.per_class), ('test', args.test_per_class)):
        dataset = cfg[f'{split}_dataloader'].dataset
        dataset.pipeline = [dict(type='LoadImageFromFile'), _loader_of_labels(dataset)]
        dataset.test_mode = False
        datasets[split] = (DATASETS.build(dataset), count)
    classes = datasets['train'][0].metainfo['classes']
    return classes, {
        split: cut_patches(dataset, args.size, count, seed=args.seed)
        for split, (dataset, count) in datasets.items()
    }


def _loader_of_labels(dataset: dict) -> dict:
    """Return the transform that loads the labels, with the settings that it has in the config."""
    named = (one for one in dataset['pipeline'] if one['type'].endswith('LoadAnnotations'))
    return next(named, dict(type='LoadAnnotations'))
