"""tools/train.py: each flag, on the demo set."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from tool_configs import ITERATIONS, losses

from spikedense.utils.metafile import PRETRAINING


def _iteration(checkpoint: Path) -> int:
    return torch.load(checkpoint, weights_only=True)['meta']['iter']


def test_work_dir_holds_complete_checkpoints(
    config: Path, train_tool: Callable, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    work_dir = tmp_path / 'run'
    train_tool([str(config), '--work-dir', str(work_dir)])
    assert sorted(path.name for path in work_dir.glob('*.pth*')) == ['iter_2.pth', 'iter_4.pth']
    assert (work_dir / 'last_checkpoint').read_text() == str(work_dir / 'iter_4.pth')
    assert (work_dir / config.name).is_file()
    assert f'last checkpoint: {work_dir / "iter_4.pth"}' in capsys.readouterr().out


def test_default_work_dir_is_named_after_the_config(
    config: Path, train_tool: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    train_tool([str(config)])
    assert (tmp_path / 'work_dirs' / config.stem / 'iter_4.pth').is_file()


def test_same_seed_same_losses(config: Path, train_tool: Callable, tmp_path: Path) -> None:
    for name, seed in (('a', '1'), ('b', '1'), ('c', '2')):
        train_tool([str(config), '--work-dir', str(tmp_path / name), '--seed', seed])
    a, b, c = (losses(tmp_path / name) for name in 'abc')
    assert len(a) == ITERATIONS
    assert a == b
    assert a != c


def test_runs_of_one_second_have_folders_of_their_own(
    config: Path, train_tool: Callable, tmp_path: Path
) -> None:
    once = [str(config), '--work-dir', str(tmp_path), '--cfg-options', 'train_cfg.max_iters=1']
    for _ in range(3):
        train_tool(once)
    logs = sorted(tmp_path.glob('*/*.log'))
    assert len(logs) == 3
    assert [log.read_text().count(' - Config:') for log in logs] == [1, 1, 1]


def test_deterministic(config: Path, train_tool: Callable, tmp_path: Path) -> None:
    try:
        train_tool([str(config), '--work-dir', str(tmp_path / 'run'), '--deterministic'])
        assert torch.are_deterministic_algorithms_enabled()
        dumped = Config.fromfile(tmp_path / 'run' / config.name)
        assert dumped.randomness.deterministic
    finally:
        torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize('words', [[], ['auto'], ['iter_2.pth']], ids=['bare', 'auto', 'path'])
def test_resume_goes_on_where_the_run_was(
    config: Path,
    train_tool: Callable,
    tmp_path: Path,
    words: list[str],
    capsys: pytest.CaptureFixture,
) -> None:
    work_dir = tmp_path / 'run'
    arguments = [str(config), '--work-dir', str(work_dir)]
    # With the word, the command of a first start is that of all further ones.
    first = ['--resume', *words] if words == ['auto'] else []
    train_tool([*arguments, *first, '--seed', '3', '--cfg-options', 'train_cfg.max_iters=2'])
    assert ('the run starts anew' in capsys.readouterr().err) is bool(first)
    resume = ['--resume', *(str(work_dir / word) if '.' in word else word for word in words)]
    train_tool([*arguments, *resume])
    assert _iteration(work_dir / 'iter_4.pth') == ITERATIONS
    # The second run made two steps of four, not four of its own.
    assert len(losses(work_dir)) == 2


@pytest.mark.parametrize('named', [False, True], ids=['auto', 'path'])
def test_a_resumed_run_is_the_whole_run(
    config: Path, train_tool: Callable, tmp_path: Path, named: bool
) -> None:
    whole, parts = tmp_path / 'whole', tmp_path / 'parts'
    # The checkpoint knows the seed of the run; the config only tells where a new run begins.
    config.write_text(f'{config.read_text()}\nrandomness = dict(seed=1)\n')
    train_tool([str(config), '--work-dir', str(whole), *(['--seed', '7'] if named else [])])
    parts.mkdir()
    checkpoint = shutil.copy(whole / 'iter_2.pth', parts)
    resume = ['--resume', checkpoint] if named else ['--resume']
    workers = ['--cfg-options', 'train_dataloader.num_workers=2'] if named else []
    train_tool([str(config), '--work-dir', str(parts), *resume, *workers])
    assert _iteration(parts / 'iter_4.pth') == ITERATIONS
    # The second run made two steps of four, and they were those of the first run.
    assert losses(parts) == losses(whole)[2:]
    a, b = (torch.load(path / 'iter_4.pth', weights_only=False) for path in (whole, parts))
    assert all(torch.equal(b['state_dict'][key], a['state_dict'][key]) for key in a['state_dict'])


def test_amp_is_bfloat16_on_a_cpu(config: Path, train_tool: Callable, tmp_path: Path) -> None:
    work_dir = tmp_path / 'run'
    train_tool([str(config), '--work-dir', str(work_dir), '--amp', '--seed', '0'])
    wrapper = Config.fromfile(work_dir / config.name).optim_wrapper
    expected = 'AmpOptimWrapper' if torch.cuda.is_available() else 'spikedense.BFloat16OptimWrapper'
    assert wrapper.type == expected
    train_tool([str(config), '--work-dir', str(tmp_path / 'fp32'), '--seed', '0'])
    half, full = losses(work_dir), losses(tmp_path / 'fp32')
    assert half != full
    assert half == pytest.approx(full, rel=0.1)


def test_show_dir_draws_validation_images(
    config: Path, train_tool: Callable, tmp_path: Path
) -> None:
    pictures = tmp_path / 'pictures'
    train_tool([str(config), '--work-dir', str(tmp_path / 'run'), '--show-dir', str(pictures)])
    assert len(list((pictures / f'iter_{ITERATIONS}').glob('val_*.png'))) == 6


def test_cfg_options_reach_the_run(config: Path, train_tool: Callable, tmp_path: Path) -> None:
    work_dir = tmp_path / 'run'
    train_tool(
        [str(config), '--work-dir', str(work_dir), '--cfg-options']
        # In the config, an argument of the class that the config leaves out, and a new key.
        + ['model.neck.neuron_cfg.D=2', 'model.backbone.norm_eval=True', '+notes=kept']
        + ['train_cfg.max_iters=2']
    )
    dumped = Config.fromfile(work_dir / config.name)
    assert dumped.model.neck.neuron_cfg.D == 2
    assert dumped.model.backbone.norm_eval is True
    assert dumped.notes == 'kept'
    assert not (work_dir / 'iter_4.pth').exists()


def test_load_from_says_which_part_of_a_file_fits(
    config: Path,
    trained: tuple[str, str],
    train_tool: Callable,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
) -> None:
    arguments = [str(config), '--work-dir', str(tmp_path / 'run'), '--cfg-options']
    options = [f'load_from={trained[1]}', 'train_cfg.max_iters=1']
    train_tool([*arguments, *options, 'model.decode_head.num_classes=12'])
    said = capsys.readouterr().out
    assert said.count('fits in part, of another shape: 2 of ') == 1
    assert 'size mismatch' not in said


SLOW = ['+optim_wrapper.paramwise_cfg.custom_keys.backbone.lr_mult=0.1']


@pytest.mark.parametrize('scaled', [False, True])
def test_slow_backbone_without_weights(
    config: Path, train_tool: Callable, tmp_path: Path, capsys: pytest.CaptureFixture, scaled: bool
) -> None:
    """The rates are those of the config, also if they are scaled with the batch."""
    options = ['train_cfg.max_iters=1', f'+auto_scale_lr.enable={scaled}']
    options += ['+auto_scale_lr.base_batch_size=1000']
    arguments = [str(config), '--work-dir', str(tmp_path / 'run'), '--cfg-options', *options]
    train_tool(arguments)
    assert 'random weights' not in capsys.readouterr().out
    train_tool([*arguments, *SLOW])
    said = capsys.readouterr().out
    assert said.count('its learning rate is 0.0001, 0.1 of the rate 0.001') == 1


@pytest.mark.parametrize('option', sorted({how for _, how, _ in PRETRAINING.values() if how}))
def test_the_option_of_the_readmes_gives_weights(
    config: Path,
    trained: tuple[str, str],
    train_tool: Callable,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
    option: str,
) -> None:
    flag, *keys = option.replace('FILE', trained[1]).split()
    assert flag == '--cfg-options'
    # One step at a rate that moves no weight by more than 1e-7.
    keys += [*SLOW, 'train_cfg.max_iters=1', 'optim_wrapper.optimizer.lr=1e-6']
    train_tool([str(config), '--work-dir', str(tmp_path / 'run'), '--cfg-options', *keys])
    assert 'random weights' not in capsys.readouterr().out
    before, after = (
        torch.load(path, weights_only=True)['state_dict']
        for path in (trained[1], tmp_path / 'run' / 'iter_1.pth')
    )
    key = 'backbone.stages.0.downsample.conv.weight'
    torch.testing.assert_close(after[key], before[key], atol=1e-6, rtol=0)


def test_no_checkpoint_of_an_earlier_run_is_returned(
    config: Path, train_tool: Callable, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    arguments = [str(config), '--work-dir', str(tmp_path / 'run'), '--cfg-options']
    train_tool([*arguments, 'train_cfg.max_iters=2'])
    assert 'last checkpoint: ' in capsys.readouterr().out
    train_tool([*arguments, 'train_cfg.max_iters=1', 'default_hooks.checkpoint.save_last=False'])
    assert 'last checkpoint: ' not in capsys.readouterr().out


def test_auto_scale_lr(config: Path, train_tool: Callable, tmp_path: Path) -> None:
    named = config.with_name('tiny_8xb4-4i_demo.py')
    config.rename(named)
    batch = ['train_dataloader.batch_size=2', 'optim_wrapper.optimizer.lr=0.016']
    options = [*batch, 'param_scheduler=[]', 'train_cfg.max_iters=2']
    for name, words in (('plain', []), ('scaled', ['--auto-scale-lr'])):
        work_dir = tmp_path / name
        train_tool([str(named), '--work-dir', str(work_dir), *words, '--cfg-options', *options])
    states = [
        torch.load(tmp_path / n / 'iter_2.pth', weights_only=True) for n in ('plain', 'scaled')
    ]
    plain, scaled = ([g['lr'] for g in s['optimizer']['param_groups']] for s in states)
    assert scaled == pytest.approx([lr * 2 / 32 for lr in plain])


def test_auto_scale_lr_needs_a_batch_size(
    config: Path, train_tool: Callable, capsys: pytest.CaptureFixture
) -> None:
    with pytest.raises(SystemExit, match='2'):
        train_tool([str(config), '--auto-scale-lr'])
    assert 'auto_scale_lr.base_batch_size=N' in capsys.readouterr().err
