"""tools/dist_train.sh and dist_test.sh: two processes over gloo."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tool_configs import ITERATIONS, demo_config, losses, spike2former_config

pytestmark = pytest.mark.skipif(
    torch.cuda.is_available() and torch.cuda.device_count() < 2,
    reason='two processes need two GPUs here; on a CPU they share it',
)


def _run(
    script: Path, folder: Path, *arguments: str, **changed: str
) -> subprocess.CompletedProcess:
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        'PYTHON': sys.executable,
        'MASTER_PORT': str(port),
        'OMP_NUM_THREADS': '1',
        **changed,
    }
    return subprocess.run(
        ['bash', str(script), *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(params=[demo_config])
def diary_config(
    request: pytest.FixtureRequest,
    repo_root: Path,
    demo_root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """A tiny config with a hook that keeps a diary of each process: the FPN's, if not another's."""
    # The hook, and the package of this very checkout.
    paths = [str(Path(__file__).parent), str(repo_root)]
    monkeypatch.setenv('PYTHONPATH', os.pathsep.join(paths))
    cfg = request.param(repo_root, demo_root)
    cfg.custom_imports = dict(imports=['rank_diary'])
    cfg.custom_hooks = [dict(type='RankDiary')]
    path = tmp_path / f'{tmp_path.name}_diary.py'
    cfg.dump(path)
    return path


def _agreed_diary(work_dir: Path) -> dict:
    """What both processes wrote down, having seen different images and made one model of them."""
    first, second = (json.loads((work_dir / f'rank{rank}.json').read_text()) for rank in (0, 1))
    assert len(first['images']) == len(second['images']) > 0
    assert not set(first['images']) & set(second['images'])
    assert first['start'] == second['start']
    assert first['sums'] == second['sums']
    moved = [key for key, value in first['sums'].items() if value != first['start'][key]]
    assert len(moved) > 0.9 * len(first['sums'])
    return first


# Spike2Former has all that the FPN has, and parameters that some images do not reach.
@pytest.mark.parametrize(
    'diary_config',
    [pytest.param(demo_config, marks=pytest.mark.slow), spike2former_config],
    ids=['fpn', 'spike2former'],
    indirect=True,
)
def test_two_processes_train_one_model(diary_config: Path, repo_root: Path, tmp_path: Path) -> None:
    done = _run(
        *(repo_root / 'tools' / 'dist_train.sh', tmp_path, str(diary_config), '2'),
        *('--work-dir', 'run', '--seed', '0', '--cfg-options', 'train_cfg.val_interval=9'),
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count('last checkpoint: ') == 1
    assert len(losses(tmp_path / 'run')) == ITERATIONS
    saved = torch.load(tmp_path / 'run' / 'iter_4.pth', weights_only=True)['state_dict']
    sums = _agreed_diary(tmp_path / 'run')['sums']
    assert {key: saved[key].double().sum().item() for key in sums} == sums


@pytest.mark.slow
def test_two_processes_resume_in_mixed_precision(
    config: Path, diary_config: Path, train_tool: Callable, repo_root: Path, tmp_path: Path
) -> None:
    work_dir = tmp_path / 'run'
    train_tool([str(config), '--work-dir', str(work_dir), '--cfg-options', 'train_cfg.max_iters=2'])
    done = _run(
        *(repo_root / 'tools' / 'dist_train.sh', tmp_path, str(diary_config), '2'),
        *('--work-dir', 'run', '--seed', '0', '--resume', '--amp'),
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(losses(work_dir)) == ITERATIONS - 2
    _agreed_diary(work_dir)


@pytest.mark.slow
def test_two_processes_test_as_one_does(
    trained: tuple[str, str], test_tool: Callable, repo_root: Path, tmp_path: Path
) -> None:
    script = repo_root / 'tools' / 'dist_test.sh'
    done = _run(script, tmp_path, *trained, '2', '--work-dir', 'two', '--out', 'maps')
    assert done.returncode == 0, done.stderr[-2000:]
    (written,) = (tmp_path / 'two').glob('*_*/*.json')
    two = json.loads(written.read_text())
    one = test_tool([*trained, '--work-dir', str(tmp_path / 'one')])
    assert two['mIoU'] == one['mIoU'] > 0
    assert len(list((tmp_path / 'maps').iterdir())) == 6
    assert not (tmp_path / '.dist_test').exists()


@pytest.mark.parametrize(
    'name', ['dist_train', 'dist_test', 'slurm_train', 'slurm_test', 'slurm_submit']
)
def test_scripts_tell_their_usage(repo_root: Path, tmp_path: Path, name: str) -> None:
    done = _run(repo_root / 'tools' / f'{name}.sh', tmp_path)
    assert done.returncode == 2
    assert 'usage:' in done.stderr


def _fake_programs(folder: Path, monkeypatch: pytest.MonkeyPatch, **programs: str) -> None:
    """Put shell scripts in front of the programs of the same names."""
    folder.mkdir()
    for name, text in programs.items():
        (folder / name).write_text(f'#!/bin/bash\n{text}\n')
        (folder / name).chmod(0o755)
    monkeypatch.setenv('PATH', f'{folder}{os.pathsep}{os.environ["PATH"]}')


@pytest.mark.parametrize('name', ['slurm_train', 'slurm_test'])
def test_slurm_scripts_hand_their_arguments_to_srun(
    repo_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    _fake_programs(tmp_path / 'bin', monkeypatch, srun='printf "%s\\n" "$@"')
    monkeypatch.setenv('GPUS', '16')
    operands = ['a.py', 'b.pth'] if name == 'slurm_test' else ['a.py']
    script = repo_root / 'tools' / f'{name}.sh'
    done = _run(script, tmp_path, 'queue', 'job', *operands, '--seed', '1')
    words = done.stdout.split()
    assert {'--ntasks=16', '--job-name=job', '--gres=gpu:8'} <= set(words)
    tool = words.index(str(repo_root / 'tools' / f'{name.removeprefix("slurm_")}.py'))
    assert words[tool + 1 :] == [*operands, '--seed', '1', '--launcher', 'slurm']


@pytest.mark.parametrize('code', [0, 1, 138])
def test_a_job_that_slurm_warned_queues_itself_again(
    repo_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    # `sbatch` runs the job at once; `srun` ends as the run does.
    _fake_programs(
        tmp_path / 'bin',
        monkeypatch,
        sbatch='printf "%s\n" "$@"; SLURM_JOB_ID=7 exec bash',
        srun=f'printf "%s\n" "$@"; exit {code}',
        scontrol='echo "scontrol $*"',
    )
    script = repo_root / 'tools' / 'slurm_submit.sh'
    done = _run(script, tmp_path, 'queue', 'job', 'a b.py', '--seed', '1')
    lines = done.stdout.splitlines()
    assert done.returncode == code
    assert {'--signal=USR1@120', '--requeue', '--open-mode=append', '--ntasks=8'} <= set(lines)
    tool = lines.index(str(repo_root / 'tools' / 'train.py'))
    handed = ['a b.py', '--seed', '1', '--resume', 'auto', '--launcher', 'slurm']
    assert lines[tool + 1 : tool + 1 + len(handed)] == handed
    assert ('scontrol requeue 7' in lines) == (code == 138)


def test_restarts_resume(repo_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _fake_programs(tmp_path / 'bin', monkeypatch, python='printf "%s\n" "$@"')
    script = repo_root / 'tools' / 'dist_train.sh'
    for restarts, added in (('0', []), ('3', ['--resume', 'auto'])):
        monkeypatch.setenv('MAX_RESTARTS', restarts)
        done = _run(script, tmp_path, 'a.py', '2', '--seed', '1', PYTHON='python')
        words = done.stdout.split()
        assert f'--max_restarts={restarts}' in words
        assert words[words.index('--seed') :] == ['--seed', '1', *added, '--launcher', 'pytorch']


@pytest.mark.slow
def test_a_killed_process_starts_again(
    diary_config: Path, repo_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('DIES_AFTER', '3')
    done = _run(
        *(repo_root / 'tools' / 'dist_train.sh', tmp_path, str(diary_config), '2'),
        *('--work-dir', 'run', '--seed', '0', '--cfg-options', 'train_cfg.val_interval=9'),
        MAX_RESTARTS='1',
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(list((tmp_path / 'run').glob('*_*/vis_data'))) == 2
    # The second start goes on behind the checkpoint of iteration 2.
    assert len(losses(tmp_path / 'run')) == ITERATIONS - 2
