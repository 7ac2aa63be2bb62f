"""Train configs with several seeds, test the last checkpoints, and print mean and spread.

All runs of a comparison have the budget of their configs. A run that is finished is not repeated,
so that a stopped comparison can go on. Runs side by side share the processor or the GPU, so their
times say nothing about the models (`spikedense benchmark` measures these).

    python tools/dev/train_seeds.py CONFIG [CONFIG ...] [--seeds 0 1 2] [--jobs 1] [--out FOLDER]
        [--cfg-options model.backbone.T=1]
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from spikedense.commands.arguments import add_cfg_options
from spikedense.utils.files import write_file

RESULT = 'result.json'


def train_and_test(
    config: str, seed: int, folder: Path, cfg_options: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Train a config with a seed, and test the last checkpoint.

    Args:
        config: Path of the config.
        seed: Seed of the training.
        folder: Folder of the run.
        cfg_options: Entries that replace those of the config.

    Returns:
        The metrics and the mean firing rate of the neurons; they are written to a file in the
        folder, too.
    """
    from spikedense.analysis.firing import read_statistics, summarise
    from spikedense.apis import test, train
    from spikedense.inference.model import open_model
    from spikedense.neurons import BaseNeuron

    checkpoint = train(config, work_dir=str(folder), seed=seed, cfg_options=cfg_options)
    assert checkpoint is not None, 'the run left no checkpoint'
    modules = open_model(config, checkpoint, cfg_options)[1].modules()
    spikes = any(isinstance(module, BaseNeuron) for module in modules)
    file = str(folder / 'firing.json') if spikes else None
    metrics = test(
        config, checkpoint, work_dir=str(folder), firing_rates=file, cfg_options=cfg_options
    )
    result = dict(
        config=config,
        seed=seed,
        cfg_options=cfg_options,
        checkpoint=checkpoint,
        metrics={key: float(value) for key, value in metrics.items()},
        firing_rate=summarise(read_statistics(file))['mean_rate'] if file else None,
    )
    write_file(folder / RESULT, json.dumps(result, indent=2) + '\n')
    return result


def in_new_process(
    config: str, seed: int, folder: Path, cfg_options: Mapping[str, Any] | None = None
) -> dict[str, Any] | None:
    """Call :func:`train_and_test` in a new process, unless its result is there.

    Args:
        config: Path of the config.
        seed: Seed of the training.
        folder: Folder of the run.
        cfg_options: Entries that replace those of the config.

    Returns:
        The result; None if the run failed. Its output is in ``log.txt`` of the folder.
    """
    file = folder / RESULT
    if not file.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, __file__, config, '--seeds', str(seed), '--out', str(folder)]
        command += ['--one', json.dumps(cfg_options)]
        with (folder / 'log.txt').open('w') as log:
            code = subprocess.run(
                command, stdout=log, stderr=subprocess.STDOUT, check=False
            ).returncode
        where = f', see {folder / "log.txt"}' if code else ''
        print(f'{name_of(config)}, seed {seed}: exit code {code}{where}', flush=True)
    if not file.is_file():
        return None
    result = json.loads(file.read_text())
    assert result.get('cfg_options') == cfg_options, f'{file} has other options: take another --out'
    # An earlier call may have named the config in another way.
    return dict(result, config=config)


def name_of(config: str) -> str:
    """Return the name of a config, which may be given without its ending and have dots inside."""
    return Path(config).name.removesuffix('.py')


def show(configs: Sequence[str], results: Sequence[dict[str, Any]]) -> None:
    """Print a row for each config: runs, mean and spread of each metric, mean firing rate."""
    for config in configs:
        own = [result for result in results if result['config'] == config]
        cells = [f'{name_of(config)}: {len(own)} runs']
        for key in own[0]['metrics'] if own else ():
            values = [result['metrics'][key] for result in own]
            spread = f' +- {stdev(values):.2f}' if len(values) > 1 else ''
            listed = ', '.join(f'{value:.2f}' for value in values)
            cells.append(f'{key} {mean(values):.2f}{spread} ({listed})')
        rates = [result['firing_rate'] for result in own if result['firing_rate'] is not None]
        if rates:
            cells.append(f'firing rate {mean(rates):.3f}')
        print('; '.join(cells))


def main(argv: Sequence[str] | None = None) -> int:
    """Train, test and print; the exit code is 1 if a run failed."""
    parser = argparse.ArgumentParser(description='Train configs with several seeds.')
    parser.add_argument('configs', nargs='+', help='paths of configs')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2], help='(0 1 2)')
    parser.add_argument('--jobs', type=int, default=1, help='runs side by side (1)')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/seeds'), help='folder')
    parser.add_argument('--one', type=json.loads, default=False, help=argparse.SUPPRESS)
    add_cfg_options(parser)
    args = parser.parse_args(argv)
    if args.one is not False:
        train_and_test(args.configs[0], args.seeds[0], args.out, args.one)
        return 0
    names = [name_of(config) for config in args.configs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        parser.error(f'{twice[0]} is given twice, and a name has one folder')
    if args.jobs > 1:
        os.environ.setdefault('OMP_NUM_THREADS', '1')
    # All configs with the first seed come first, so that a stopped comparison has all of them.
    runs = [(config, seed) for seed in args.seeds for config in args.configs]
    with ThreadPoolExecutor(args.jobs) as pool:
        found = pool.map(
            lambda run: in_new_process(
                *run, args.out / name_of(run[0]) / f'seed-{run[1]}', args.cfg_options
            ),
            runs,
        )
        results = [result for result in found if result is not None]
    show(args.configs, results)
    return int(len(results) < len(runs))


if __name__ == '__main__':
    sys.exit(main())
