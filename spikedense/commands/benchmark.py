"""Measure the time and the peak memory of one config, or of two configs side by side.

Examples:
    spikedense benchmark CONFIG --part backbone --threads 2
    spikedense benchmark CONFIG --compare OTHER_CONFIG --out speed.json
    spikedense benchmark CONFIG --compare-cfg-options model.backbone.T=4
    spikedense benchmark CONFIG --compare-plain
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from spikedense.analysis.benchmark_table import format_report
from spikedense.analysis.workload import MEMORY_FORMATS, PARTS, WorkloadSettings
from spikedense.apis.benchmark import benchmark
from spikedense.checks.config_options import checked_options
from spikedense.checks.out_file import check_out_file
from spikedense.errors import UserError
from spikedense.utils.config_path import resolve_config
from spikedense.utils.config_reader import read_config
from spikedense.utils.explain import translate
from spikedense.utils.files import write_file

from .arguments import add_cfg_options, add_config_arguments, add_shape_argument
from .command import command


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_config_arguments(parser)
    parser.add_argument(
        '--compare', metavar='CONFIG', help='a second config (B), which --cfg-options changes too'
    )
    add_cfg_options(
        parser,
        '--compare-cfg-options',
        'replace values of B only; without --compare, B is the same config',
    )
    parser.set_defaults(cfg_options={}, compare_cfg_options={})
    parser.add_argument(
        '--compare-plain',
        action='store_true',
        help='B is A as its plain re-statement in fp32 (docs/benchmark.md)',
    )
    parser.add_argument('--part', choices=PARTS, default='model')
    add_shape_argument(parser, (256, 256), '--size')
    parser.add_argument('--batch', type=int, default=1, help='images in a step')
    parser.add_argument('--repeats', type=int, default=10, help='timed rounds')
    parser.add_argument(
        '--warmup', type=int, default=3, help='untimed rounds before the timed ones'
    )
    parser.add_argument('--threads', type=int, help='torch threads on a CPU')
    parser.add_argument('--device', default='cpu', help='cpu, cuda or cuda:N')
    parser.add_argument('--memory-format', choices=tuple(MEMORY_FORMATS), default='contiguous')
    parser.add_argument('--amp', action='store_true', help='autocast: bf16 on a CPU, fp16 on a GPU')
    parser.add_argument('--no-train', action='store_true', help='forward only')
    parser.add_argument('--no-memory', action='store_true', help='skip the peak memory')
    parser.add_argument('--no-machine', action='store_true', help='skip the speed of the machine')
    parser.add_argument('--out', type=Path, help='write the report as JSON too')


def subjects_of(args: argparse.Namespace) -> list[WorkloadSettings]:
    """Return the one or two configs to measure.

    Args:
        args: The parsed arguments.

    Raises:
        ValueError: ``--compare-plain`` is combined with an option that changes B.
    """

    def settings(config: str, options: dict) -> WorkloadSettings:
        path = str(resolve_config(config))
        return WorkloadSettings(
            config=path,
            cfg_options=checked_options(read_config(path), options),
            part=args.part,
            size=tuple(args.size),
            batch=args.batch,
            device=args.device,
            memory_format=args.memory_format,
            amp=args.amp,
            threads=args.threads,
        )

    if args.compare_plain and (args.compare or args.compare_cfg_options or args.amp):
        raise ValueError(
            '--compare-plain: B is A re-stated in fp32, expected no --compare, '
            '--compare-cfg-options or --amp'
        )
    subjects = [settings(args.config, args.cfg_options)]
    if args.compare_plain:
        subjects.append(replace(subjects[0], plain=True))
    elif args.compare or args.compare_cfg_options:
        options = {**args.cfg_options, **args.compare_cfg_options}
        subjects.append(settings(args.compare or args.config, options))
    return subjects


@command(__doc__, _add_arguments)
def main(args: argparse.Namespace) -> dict[str, Any]:
    """Measure, print the table and write the JSON file.

    Returns:
        The report.
    """
    check_out_file('--out', args.out, inputs=[args.config, args.compare])
    try:
        report = benchmark(
            subjects_of(args),
            repeats=args.repeats,
            warmup=args.warmup,
            train=not args.no_train,
            memory=not args.no_memory,
            machine=not args.no_machine,
        )
    except (KeyError, OSError, RuntimeError, TypeError, ValueError) as exc:
        raise UserError(translate(exc) or str(exc)) from exc
    print(format_report(report))
    if args.out is not None:
        write_file(args.out, json.dumps(report, indent=2) + '\n')
    return report
