"""The runner's guards, on a model of two layers."""

from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.hooks import Hook
from tiny_run import TinyData, TinyModel, tiny_loader, tiny_runner

from spikedense.engine import GuardedRunner
from spikedense.errors import UserError


class _NoData(TinyData):
    def __len__(self) -> int:
        return 0


def _runner(work_dir: Path, max_epochs: int = 1) -> GuardedRunner:
    # Persistent workers are refused by torch if there are none; the runner mends that.
    loader = {**tiny_loader(8), 'persistent_workers': True}
    return GuardedRunner(
        model=TinyModel(),
        work_dir=str(work_dir),
        train_dataloader=loader,
        train_cfg=dict(by_epoch=True, max_epochs=max_epochs),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        experiment_name=work_dir.name,
        # The root's: another test of this process may have left a library's scope behind.
        default_scope='mmengine',
    )


def test_started_with_the_first_iteration(tmp_path: Path) -> None:
    runner = _runner(tmp_path / 'started')
    assert not runner.start_hook.started
    runner.train()
    assert runner.start_hook.started
    assert (tmp_path / 'started' / 'epoch_1.pth').is_file()


def test_killed_while_saving_leaves_the_old_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = _runner(tmp_path / 'killed')
    runner.train()
    path = tmp_path / 'killed' / 'epoch_1.pth'
    before = path.read_bytes()

    def torn(checkpoint: dict, filename: str, **_: Any) -> None:
        Path(filename).write_bytes(b'half')
        raise KeyboardInterrupt

    monkeypatch.setattr('mmengine.runner.runner.save_checkpoint', torn)
    with pytest.raises(KeyboardInterrupt):
        runner.save_checkpoint(str(path.parent), path.name)
    assert path.read_bytes() == before


def test_all_processes_resume_from_the_file_of_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _runner(tmp_path / 'first').train()
    runner = _runner(tmp_path / 'second')

    def from_the_first(names: list[str]) -> None:
        assert names == ['seen_by_this_process.pth']
        names[:] = [str(tmp_path / 'first' / 'epoch_1.pth')]

    monkeypatch.setattr('spikedense.engine.resumed_seed.broadcast_object_list', from_the_first)
    runner._load_from, runner._resume = 'seen_by_this_process.pth', True
    runner.train()
    assert runner.epoch == 1


def test_a_failed_training_names_its_newest_checkpoint(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    class Fails(Hook):
        def before_train_epoch(self, runner: Any) -> None:
            if runner.epoch == 1:
                raise ZeroDivisionError

    runner = _runner(tmp_path / 'failed', max_epochs=2)
    runner.register_hook(Fails())
    with pytest.raises(ZeroDivisionError):
        runner.train()
    assert "epoch_1.pth' is its newest checkpoint" in capsys.readouterr().out


def test_empty_data_set() -> None:
    with pytest.raises(UserError, match='has no image'):
        GuardedRunner.build_dataloader(dict(dataset=_NoData(), batch_size=1, sampler=range(0)))


@pytest.mark.parametrize(
    ('checkpoint', 'said'),
    [
        ({'state_dict': {}}, 'its state_dict is empty, expected first.weight, first.bias'),
        ({'stages.0.weight': torch.zeros(1)}, 'its keys are stages.0.weight, expected first.'),
        (
            {key: torch.zeros(9) for key in TinyModel().state_dict()},
            r'of another shape: 6 of 6 \(first\.weight is \[9\], expected \[3, 2\]',
        ),
    ],
)
@pytest.mark.parametrize('strict', [True, False])
def test_checkpoint_of_which_nothing_fits(
    tmp_path: Path, checkpoint: dict, said: str, strict: bool
) -> None:
    torch.save(checkpoint, tmp_path / 'a.pth')
    runner = _runner(tmp_path / tmp_path.name)
    runner.weight_hook.strict = strict
    with pytest.raises(UserError, match=rf"no weight of .*a\.pth' fits the model: .*{said}"):
        runner.load_checkpoint(str(tmp_path / 'a.pth'))


def test_checkpoint_with_more_blocks_than_the_model(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    more = {**TinyModel().state_dict(), 'first.scale': torch.zeros(1)}
    torch.save({'state_dict': more}, tmp_path / 'a.pth')
    runner = _runner(tmp_path / 'more_blocks')
    runner.weight_hook.strict = True
    with pytest.raises(UserError, match=r'unknown to the model: 1 \(first\.scale\)'):
        runner.load_checkpoint(str(tmp_path / 'a.pth'))
    runner.weight_hook.strict = False
    capsys.readouterr()
    runner.load_checkpoint(str(tmp_path / 'a.pth'))
    assert capsys.readouterr().out.count('first.scale') == 1
    assert torch.equal(runner.model.first.weight, more['first.weight'])


def test_the_seed_of_a_checkpoint_is_not_that_of_later_runs(tmp_path: Path) -> None:
    hook = dict(type='CheckpointHook', by_epoch=False, interval=1)
    tiny_runner(tmp_path / 'a', 1, hook, randomness=dict(seed=7)).train()
    last = str(tmp_path / 'a' / 'iter_1.pth')
    resumed = tiny_runner(tmp_path / 'a', 2, hook, load_from=last, resume=True)
    resumed.train()
    fresh = tiny_runner(tmp_path / 'b', 1, hook)
    fresh.train()
    assert resumed.seed == 7 and fresh._randomness_cfg.get('seed') is None
