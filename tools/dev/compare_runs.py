"""Compare trained segmentors: mIoU, operations, energy, time and memory, as a table and a figure.

The runs are those of `tools/dev/train_seeds.py`: each folder is an `--out` of it. Energy is counted
in mode strict over the test set, with the first run of each config, and stands beside the quantised
twin (docs/energy.md). Times are measured in turns, with random weights; nothing else may run beside
them. Memory is the peak of a train step, in a process of its own. What is measured is kept in the
folder of the comparison, and is not measured again.

    python tools/dev/compare_runs.py FOLDER [FOLDER ...] --out FOLDER [--size 128 128] [--batch 8]
        [--rounds 5] [--threads 2] [--no-times]
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from comparison_figure import draw

from spikedense.analysis.energy import EnergySettings
from spikedense.utils.files import write_file

#: Parts of the names of two twins in the report of `spikedense energy`.
TWIN, SKIPPING = 'quantised ANN', 'zeros skipped'
#: Test images of which operations are counted, at most.
IMAGES = 200
COLUMNS = (
    'backbone',
    'neuron',
    'T x D',
    'parameters',
    'mIoU',
    'firing rate',
    'MSOP',
    'energy',
    'quantised twin',
    'without zeros',
    'forward',
    'train step',
    'memory',
)


def groups_of(folders: Sequence[Path]) -> dict[str, list[dict[str, Any]]]:
    """Read the results of runs.

    Args:
        folders: Each is the `--out` of `train_seeds.py`.

    Returns:
        For each config with its options the results of its seeds.
    """
    groups: dict[str, list[dict[str, Any]]] = {}
    for folder in folders:
        for file in sorted(folder.glob('*/seed-*/result.json')):
            result = json.loads(file.read_text())
            options = json.dumps(result['cfg_options'] or {}, sort_keys=True)
            groups.setdefault(f'{Path(result["config"]).stem} {options}', []).append(result)
    return groups


def count(run: Mapping[str, Any], size: tuple[int, int]) -> dict[str, Any]:
    """Count and price the operations of a trained model over its test set, and describe it.

    Args:
        run: A result of `train_seeds.py`.
        size: Height and width of the images.

    Returns:
        Backbone, neuron, T, D, parameters, and figures of an image: operations, and energies in mJ
        with int8 weights.
    """
    from spikedense.analysis.energy_report import energy_report
    from spikedense.inference.model import open_model
    from spikedense.inference.sized_images import images_of

    cfg, model = open_model(run['config'], run['checkpoint'], run['cfg_options'])
    images, source = images_of(cfg, model, size, IMAGES, 'test')
    report = energy_report(model, images, EnergySettings(mode='strict'), source)
    twins = {row['name']: row['energy_mj']['int8'] for row in report['twins']}
    return dict(
        backbone=type(model.backbone).__name__,
        neuron=cfg.model.backbone.neuron_cfg.type,
        T=report['T'],
        D=report['D'],
        parameters=report['parameters'],
        sops=report['totals']['sops'],
        energy=report['totals']['energy_mj']['int8'],
        twin=next(v for name, v in twins.items() if name.startswith(TWIN) and SKIPPING not in name),
        skipping=next((v for name, v in twins.items() if SKIPPING in name), None),
    )


def measure(runs: Sequence[Mapping[str, Any]], args: argparse.Namespace) -> list[dict[str, float]]:
    """Measure the times of several configs in turns, and their memory.

    Returns:
        Of each config: milliseconds of a forward pass and of a train step, and the peak memory of
        a train step in MiB above the memory of the built model.
    """
    from spikedense.analysis.workload import WorkloadSettings
    from spikedense.apis.benchmark import benchmark

    common = dict(size=tuple(args.size), batch=args.batch, threads=args.threads)
    settings = [WorkloadSettings(run['config'], run['cfg_options'] or {}, **common) for run in runs]
    found = benchmark(settings, repeats=args.rounds, warmup=1, machine=False)['subjects']
    return [
        dict(
            forward=1e3 * one['forward']['median_s'],
            train_step=1e3 * one['train_step']['median_s'],
            memory=one['memory_mib']['train_step'] - one['memory_mib']['built'],
        )
        for one in found
    ]


def kept(file: Path) -> dict[str, Any]:
    """Read what an earlier call measured."""
    return json.loads(file.read_text()) if file.is_file() else {}


def number(value: float | None, factor: float, digits: int = 1) -> str:
    """Return a figure of the table; a dash for None."""
    return '-' if value is None else f'{factor * value:.{digits}f}'


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return a table in Markdown, with a row for each config with its options."""
    lines = [f'| {" | ".join(COLUMNS)} |', '| --- ' * len(COLUMNS) + '|']
    for row in rows:
        energies = [number(row[key], 1e3) for key in ('energy', 'twin', 'skipping')]
        times = [number(row.get(key), 1.0, 0) for key in ('forward', 'train_step', 'memory')]
        cells = [
            row['backbone'],
            row['neuron'],
            f'{row["T"]} x {row["D"]}',
            f'{row["parameters"]:,}',
            f'{row["mIoU"]:.2f}' + ('' if row['spread'] is None else f' ± {row["spread"]:.2f}'),
            f'{row["firing_rate"]:.3f}',
            f'{row["sops"] / 1e6:.1f}',
            *energies,
            *times,
        ]
        lines.append(f'| {" | ".join(cells)} |')
    return '\n'.join(lines) + '\n'


def main(argv: Sequence[str] | None = None) -> int:
    """Compare, print the table and write the figure."""
    parser = argparse.ArgumentParser(description='Compare trained segmentors.')
    parser.add_argument('folders', type=Path, nargs='+', help='folders of train_seeds.py')
    parser.add_argument('--out', type=Path, required=True, help='folder of the comparison')
    parser.add_argument('--size', type=int, nargs=2, default=(128, 128), help='(128 128)')
    parser.add_argument('--batch', type=int, default=8, help='images in a timed step (8)')
    parser.add_argument('--rounds', type=int, default=5, help='timed rounds (5)')
    parser.add_argument('--threads', type=int, default=2, help='threads of torch (2)')
    parser.add_argument('--no-times', action='store_true', help='leave times and memory as kept')
    args = parser.parse_args(argv)
    groups = groups_of(args.folders)
    if not groups:
        parser.error(f'no result of train_seeds.py in {", ".join(map(str, args.folders))}')
    args.out.mkdir(parents=True, exist_ok=True)
    counts, times = kept(args.out / 'counts.json'), kept(args.out / 'times.json')
    for key, runs in groups.items():
        if counts.get(key, {}).get('checkpoint') != runs[0]['checkpoint']:
            counts[key] = dict(count(runs[0], tuple(args.size)), checkpoint=runs[0]['checkpoint'])
            write_file(args.out / 'counts.json', json.dumps(counts, indent=2) + '\n')
    if not args.no_times and not groups.keys() <= times.keys():
        found = measure([runs[0] for runs in groups.values()], args)
        times = dict(zip(groups, found, strict=True))
        write_file(args.out / 'times.json', json.dumps(times, indent=2) + '\n')
    rows = []
    for key, runs in groups.items():
        scores = [run['metrics']['mIoU'] for run in runs]
        spread = stdev(scores) if len(scores) > 1 else None
        rate = mean(run['firing_rate'] for run in runs)
        rows.append(
            dict(
                counts[key],
                **times.get(key, {}),
                mIoU=mean(scores),
                spread=spread,
                firing_rate=rate,
            )
        )
    rows.sort(key=lambda row: (row['backbone'].lower(), row['neuron'], row['T']))
    print(table(rows))
    if times:
        draw(rows, args.out)
    return 0


if __name__ == '__main__':
    sys.exit(main())
