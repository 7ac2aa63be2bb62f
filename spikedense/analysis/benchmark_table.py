"""The report of a benchmark as a table for the terminal."""

from typing import Any

#: Load average before the measurement above which the times are not reliable.
_BUSY = 0.7


def format_report(report: dict[str, Any]) -> str:
    """Format the report of a benchmark as a table.

    Args:
        report: What :func:`spikedense.apis.benchmark.benchmark` returned.

    Returns:
        Several lines of text.
    """
    lines = _machine_lines(report.get('machine'))
    subjects = report['subjects']
    rows = [['', *_labels(subjects)]]
    ratio = report.get('ratio')
    if ratio:
        rows[0].append('B / A')

    def add(label: str, values: list[str], key: str | None = None) -> None:
        row = [label, *values]
        if ratio:
            row.append(f'{ratio[key]:.3f}' if key in ratio else '')
        rows.append(row)

    add('parameters (M)', [f'{s["parameters"] / 1e6:.3f}' for s in subjects], 'parameters')
    add('forward GFLOP', [f'{s["forward_gflop"]:.2f}' for s in subjects])
    for step, label in (('forward', 'forward (s)'), ('train_step', 'train step (s)')):
        if step in subjects[0]:
            add(label, [_timing(s[step]) for s in subjects], step)
    add('forward GFLOP/s', [f'{s["forward_gflops"]:.1f}' for s in subjects])
    if 'machine' in report:
        conv = report['machine']['conv_fp32_gflops']
        add(
            'share of the fp32 convolution', [f'{s["forward_gflops"] / conv:.0%}' for s in subjects]
        )
    for key in subjects[0].get('memory_mib', {}):
        values = [f'{s["memory_mib"][key]:.0f}' for s in subjects]
        add(f'peak MiB, {key.replace("_", " ")}', values, f'memory_{key}')
    lines += _align(rows)
    lines += _legend(subjects)
    return '\n'.join(lines)


def _machine_lines(machine: dict[str, Any] | None) -> list[str]:
    if machine is None:
        return []
    where = machine['processor'] if machine['device'] == 'cpu' else machine['device']
    busy = machine['device'] == 'cpu' and machine['load'] > _BUSY
    warning = [
        f'other programs were running (load {machine["load"]:.1f}): repeat on an idle machine'
    ]
    return [
        *(warning if busy else []),
        f'machine: {where}, {machine["threads"]} threads, torch {machine["torch"]}',
        f'a large convolution beside them: {machine["conv_fp32_gflops"]:.1f} GFLOP/s in fp32, '
        f'{machine["conv_bf16_gflops"]:.1f} in bf16',
        '',
    ]


def _labels(subjects: list[dict[str, Any]]) -> list[str]:
    return ['A'] if len(subjects) == 1 else ['A', 'B']


def _timing(timing: dict[str, Any]) -> str:
    return f'{timing["median_s"]:.4f} [{timing["min_s"]:.4f}, {timing["max_s"]:.4f}]'


def _align(rows: list[list[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        '  '.join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _legend(subjects: list[dict[str, Any]]) -> list[str]:
    lines = ['', 'times are medians [min, max]']
    for label, subject in zip(_labels(subjects), subjects, strict=True):
        s = subject['settings']
        options = ''.join(f' {key}={value}' for key, value in s['cfg_options'].items())
        precision = 'autocast' if s['amp'] else 'fp32'
        statement = ', plain re-statement' if s['plain'] else ''
        shape = 'x'.join(map(str, (s['batch'], subject['channels'], *s['size'])))
        lines.append(
            f'{label}: {s["config"]}{options} ({s["part"]}, {shape}, '
            f'{s["device"]}, {s["memory_format"]}, {precision}{statement})'
        )
    return lines
