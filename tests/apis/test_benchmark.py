import io
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from reduced_models import reduced_config
from torch.utils.flop_counter import FlopCounterMode

from spikedense.analysis import memory
from spikedense.analysis.benchmark_table import format_report
from spikedense.analysis.machine import ConvProbe, describe_machine
from spikedense.analysis.memory import peak_memory, resident_peak_mib
from spikedense.analysis.workload import Workload, WorkloadSettings
from spikedense.apis.benchmark import benchmark, interleaved_medians
from spikedense.commands.benchmark import main
from spikedense.neurons import BaseNeuron

CONFIG = 'configs/sdt_v3/fpn_sdtv3-5m_1xb16-5k_camvid-480x360.py'
QUERIES = 'configs/spike2former/spike2former_sdtv3-demo_1xb8-680i_demo-128x128.py'
SMALL = """
_base_ = {base!r}
arch = dict(_delete_=True, embed_dims=[16, 16, 24, 32], depths=[1, 1, 1, 1, 1], num_heads=4)
model = dict(backbone=dict(arch=arch), neck=dict(in_channels=[8, 16, 16, 32]))
"""


@pytest.fixture
def config(repo_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv('PYTHONPATH', str(repo_root))
    path = tmp_path / 'small.py'
    path.write_text(SMALL.format(base=str(repo_root / CONFIG)))
    return str(path)


@pytest.fixture
def settings(config: str) -> WorkloadSettings:
    return WorkloadSettings(config, size=(64, 64), batch=2, threads=1)


def changed(settings: WorkloadSettings, **changes: object) -> WorkloadSettings:
    return WorkloadSettings(**{**settings.to_dict(), **changes})


def test_actions_take_turns_and_warm_up_is_not_counted() -> None:
    calls: list[str] = []
    timings = interleaved_medians(
        [lambda: calls.append('a'), lambda: calls.append('b')], repeats=3, warmup=2
    )
    assert calls == ['a', 'b'] * 5
    assert [len(timing['times_s']) for timing in timings] == [3, 3]
    assert timings[0]['min_s'] <= timings[0]['median_s'] <= timings[0]['max_s']


@pytest.mark.parametrize('part', ['model', 'backbone'])
@pytest.mark.parametrize('memory_format', ['contiguous', 'channels_last'])
def test_workload_runs(settings: WorkloadSettings, part: str, memory_format: str) -> None:
    load = Workload(changed(settings, part=part, memory_format=memory_format))
    load.forward()
    assert not load.module.training
    assert all(p.grad is None for p in load.module.parameters())
    load.train_step()
    assert load.module.training
    assert all(torch.isfinite(p.grad).all() for p in load.module.parameters())


def test_plain_statement_runs_and_keeps_more(settings: WorkloadSettings) -> None:
    ours, plain = Workload(settings), Workload(changed(settings, plain=True))
    assert any(isinstance(module, BaseNeuron) for module in ours.module.modules())
    assert not any(isinstance(module, BaseNeuron) for module in plain.module.modules())
    kept = []
    for load in (ours, plain):
        saved: dict[int, torch.Tensor] = {}  # by address; alive, so that none is given twice
        load.forward()
        with torch.autograd.graph.saved_tensors_hooks(
            lambda x, saved=saved: saved.setdefault(x.data_ptr(), x), lambda x: x
        ):
            load.train_step()
        kept.append(sum(x.nbytes for x in saved.values()))
    assert kept[0] < kept[1]


@pytest.mark.parametrize('plain', [False, True])
def test_a_model_with_queries_is_measured(repo_root: Path, tmp_path: Path, plain: bool) -> None:
    path = tmp_path / 'queries.py'
    reduced_config(str(repo_root / QUERIES)).dump(path)
    load = Workload(WorkloadSettings(str(path), size=(64, 64), batch=2, threads=1, plain=plain))
    described = load.describe()
    assert described['forward_gflop'] > 0
    assert described['parameters'] == sum(p.numel() for p in load.module.parameters())
    load.train_step()
    gradients = [p.grad for p in load.module.parameters() if p.grad is not None]
    assert len(gradients) > 100 and all(gradient.isfinite().all() for gradient in gradients)


def test_autocast_trains(settings: WorkloadSettings) -> None:
    load = Workload(changed(settings, amp=True))
    load.train_step()
    assert all(torch.isfinite(p.grad).all() for p in load.module.parameters())


def test_options_reach_the_model_and_flops_grow_with_t(settings: WorkloadSettings) -> None:
    one = Workload(settings).describe()
    options = {'model.backbone.T': 4}
    four = Workload(changed(settings, cfg_options=options)).describe()
    assert one['parameters'] == four['parameters']
    assert 3 < four['forward_gflop'] / one['forward_gflop'] < 4.1


@pytest.mark.slow
def test_memory_of_a_child_sees_no_peak_of_its_parent(settings: WorkloadSettings) -> None:
    ballast = torch.ones(400 * 2**20, dtype=torch.uint8)  # 400 MiB that the child must not inherit
    peak_here = resident_peak_mib()
    peaks = peak_memory(settings)
    assert len(ballast) / 2**20 < peak_here
    assert peaks['built'] < peak_here - 100
    assert 50 < peaks['built'] <= peaks['forward'] <= peaks['train_step']


def test_the_child_that_measures_memory_gets_all_settings(
    settings: WorkloadSettings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    seen = []

    def measure(settings: WorkloadSettings, train: bool) -> dict[str, float]:
        seen.append((settings, train))
        return dict(built=1.0)

    def run_here(command: list[str], input: str, **_: object) -> subprocess.CompletedProcess:
        monkeypatch.setattr('sys.stdin', io.StringIO(input))
        memory.main()
        return subprocess.CompletedProcess(command, 0, capsys.readouterr().out, '')

    monkeypatch.setattr(memory, '_measure', measure)
    monkeypatch.setattr(subprocess, 'run', run_here)
    wanted = changed(settings, plain=True)
    assert peak_memory(wanted, train=False) == dict(built=1.0)
    assert seen == [(wanted, False)]


def test_report_of_two_configs(settings: WorkloadSettings) -> None:
    wide = changed(settings, cfg_options={'model.backbone.T': 2})
    report = benchmark([settings, wide], repeats=2, warmup=1, memory=False)
    ratio, (first, second) = report['ratio'], report['subjects']
    assert ratio['parameters'] == 1
    for step in ('forward', 'train_step'):
        assert ratio[step] == second[step]['median_s'] / first[step]['median_s']
    text = format_report(json.loads(json.dumps(report)))
    assert 'B / A' in text
    assert report['machine']['conv_fp32_gflops'] > 0
    assert 'share of the fp32 convolution' in text
    assert 'model.backbone.T=2' in text


def test_memory_has_its_own_rows() -> None:
    timing = dict(median_s=0.5, min_s=0.4, max_s=0.6, times_s=[0.4, 0.5, 0.6])
    settings = WorkloadSettings('x.py').to_dict()
    subject = dict(
        settings=settings, channels=3, parameters=10**6, forward_gflop=1.0, forward=timing
    )
    subject |= dict(forward_gflops=2.0, memory_mib=dict(built=300.0, forward=412.4))
    lines = format_report(dict(subjects=[subject])).splitlines()
    assert [line.split() for line in lines if line.startswith('peak')] == [
        ['peak', 'MiB,', 'built', '300'],
        ['peak', 'MiB,', 'forward', '412'],
    ]


def test_probe_counts_the_operations_that_torch_counts() -> None:
    probe = ConvProbe('fp32')
    with FlopCounterMode(display=False) as counter:
        probe.run()
    assert counter.get_total_flops() / 1e9 == pytest.approx(probe.gflop)
    assert describe_machine()['device'] == 'cpu'


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(part='neck'), "part='neck', expected one of"),
        (dict(memory_format='nhwc'), "memory_format='nhwc', expected one of"),
        (dict(batch=0), 'expected positive numbers'),
        (dict(plain=True, amp=True), 'the plain re-statement is for fp32'),
    ],
)
def test_bad_settings_are_named(settings: WorkloadSettings, changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        changed(settings, **changes)


@pytest.fixture
def tool() -> Callable[..., dict]:
    """`main` of the tool in this process, where nothing has to be imported again."""
    return lambda *args: main([str(arg) for arg in args])


def test_tool_compares_and_writes_json(
    config: str, tool: Callable[..., dict], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    out = tmp_path / 'report.json'
    small = ['--part', 'backbone', '--size', 64, 64, '--repeats', 1, '--warmup', 0]
    quick = ['--threads', 1, '--no-machine', '--no-memory', '--out', out]
    other = ['--compare-cfg-options', 'model.backbone.T=2']
    tool(config, *small, *quick, *other)
    assert 'train step (s)' in capsys.readouterr().out
    report = json.loads(out.read_text())
    assert set(report['ratio']) >= {'parameters', 'forward', 'train_step'}
    assert report['subjects'][1]['settings']['cfg_options'] == {'model.backbone.T': 2}


def test_tool_compares_with_the_plain_statement(
    config: str, tool: Callable[..., dict], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    out = tmp_path / 'report.json'
    small = ['--size', 64, 64, '--repeats', 1, '--warmup', 0, '--threads', 1]
    tool(config, '--compare-plain', *small, '--no-machine', '--no-memory', '--out', out)
    a, b = capsys.readouterr().out.splitlines()[-2:]
    assert a.startswith('A: ') and a.endswith('fp32)')
    assert b.startswith('B: ') and b.endswith('fp32, plain re-statement)')
    report = json.loads(out.read_text())
    ours, plain = (subject['settings'] for subject in report['subjects'])
    assert plain == {**ours, 'plain': True} != ours
    assert report['ratio']['parameters'] == 1
    assert report['ratio'].keys() >= {'forward', 'train_step'}


@pytest.mark.parametrize(
    'others', [['--compare', CONFIG], ['--compare-cfg-options', 'model.backbone.T=2'], ['--amp']]
)
def test_the_plain_statement_is_compared_alone(
    others: list[str], tool: Callable[..., dict], capsys: pytest.CaptureFixture
) -> None:
    with pytest.raises(SystemExit, match='2'):
        tool(CONFIG, '--compare-plain', *others)
    said = capsys.readouterr()
    assert 'expected no --compare, --compare-cfg-options or --amp' in said.err
    assert not said.out


@pytest.mark.parametrize('flag', ['--cfg-options', '--compare-cfg-options'])
def test_tool_names_an_unknown_option(
    config: str, tool: Callable[..., dict], flag: str, capsys: pytest.CaptureFixture
) -> None:
    with pytest.raises(SystemExit, match='2'):
        tool(config, flag, 'modle.backbone.T=4')
    said = capsys.readouterr().err
    assert "unknown key 'modle.backbone.T'" in said and "'model'" in said
    assert 'Traceback' not in said


def test_tool_names_a_missing_config(
    tool: Callable[..., dict], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    out = tmp_path / 'report.json'
    with pytest.raises(SystemExit, match='2'):
        tool('configs/absent.py', '--out', out)
    said = capsys.readouterr().err
    assert 'configs/absent.py' in said and 'Traceback' not in said
    assert not out.exists()
