"""The checkpoint hook: which files there are at each moment of a save, and after a failed one."""

import json
import os
import resource
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.hooks import CheckpointHook
from tiny_run import TinyModel, tiny_runner

from spikedense.engine import DurableCheckpointHook, GuardedRunner
from spikedense.errors import UserError
from spikedense.utils.files import complete_or_absent


def _hook(runner: GuardedRunner) -> CheckpointHook:
    return next(hook for hook in runner.hooks if isinstance(hook, CheckpointHook))


def _files(folder: Path) -> set[str]:
    return {path.name for path in folder.glob('*.pth')}


def _keep(number: int, **more: Any) -> dict[str, Any]:
    return dict(type='CheckpointHook', by_epoch=False, interval=1, max_keep_ckpts=number, **more)


class _Own(CheckpointHook):
    pass


@pytest.mark.parametrize(
    ('given', 'made'),
    [
        (None, DurableCheckpointHook),
        (dict(type='CheckpointHook', interval=3), DurableCheckpointHook),
        (dict(type='mmengine.CheckpointHook'), DurableCheckpointHook),
        (dict(type=CheckpointHook), DurableCheckpointHook),
        (dict(type=_Own), _Own),
    ],
)
def test_which_class_a_config_gets(tmp_path: Path, given: Any, made: type) -> None:
    before = None if given is None else dict(given)
    hook = _hook(tiny_runner(tmp_path, 1, given))
    assert type(hook) is made
    assert hook.interval == (3 if before and 'interval' in before else hook.interval)
    assert given == before


@pytest.mark.parametrize('keep', [1, 2])
def test_the_old_file_goes_after_the_new_one_has_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keep: int
) -> None:
    seen = []
    save = GuardedRunner.save_checkpoint

    def watched(runner: GuardedRunner, out_dir: str, filename: str, *args: Any, **kw: Any) -> None:
        seen.append(_files(tmp_path))
        save(runner, out_dir, filename, *args, **kw)
        seen.append(_files(tmp_path))

    monkeypatch.setattr(GuardedRunner, 'save_checkpoint', watched)
    tiny_runner(tmp_path, 4, _keep(keep)).train()
    last = {f'iter_{n}.pth' for n in range(4 - keep, 4)}
    assert seen[-2:] == [last, {*last, 'iter_4.pth'}]
    assert _files(tmp_path) == {f'iter_{n}.pth' for n in range(5 - keep, 5)}
    assert (tmp_path / 'last_checkpoint').read_text() == str(tmp_path / 'iter_4.pth')


def test_the_best_file_goes_after_the_better_one_has_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    save = GuardedRunner.save_checkpoint

    def watched(runner: GuardedRunner, out_dir: str, filename: str, *args: Any, **kw: Any) -> None:
        seen.append((filename, {name for name in _files(tmp_path) if name.startswith('best')}))
        save(runner, out_dir, filename, *args, **kw)

    monkeypatch.setattr(GuardedRunner, 'save_checkpoint', watched)
    # The interval of the saves is not that of the validations.
    tiny_runner(tmp_path, 6, {**_keep(1, save_best='acc'), 'interval': 2}, val_interval=3).train()
    assert ('best_acc_iter_6.pth', {'best_acc_iter_3.pth'}) in seen
    assert seen[-1] == ('iter_6.pth', {'best_acc_iter_3.pth', 'best_acc_iter_6.pth'})
    assert _files(tmp_path) == {'iter_6.pth', 'best_acc_iter_6.pth'}


def test_a_validation_that_is_repeated_keeps_its_best_file(tmp_path: Path) -> None:
    hook = {**_keep(1, save_best='acc'), 'interval': 2}
    runner = tiny_runner(tmp_path, 3, hook, val_interval=3)
    runner.train()
    _hook(runner)._save_best_checkpoint(runner, {'acc': 9.0})
    assert _files(tmp_path) == {'iter_3.pth', 'best_acc_iter_3.pth'}


def test_a_resumed_run_removes_what_was_left(tmp_path: Path) -> None:
    tiny_runner(tmp_path, 2, _keep(1)).train()
    # As if the run had been killed before the removal; a file of another run stays.
    (tmp_path / 'iter_1.pth').write_bytes((tmp_path / 'iter_2.pth').read_bytes())
    (tmp_path / 'iter_7.pth').write_bytes(b'')
    killed = os.fork()
    if killed == 0:
        part = complete_or_absent(tmp_path / 'iter_3.pth').__enter__()
        part.write_bytes(b'half')
        os._exit(0)
    os.waitpid(killed, 0)
    assert len(list(tmp_path.glob('.part-*'))) == 1
    last = str(tmp_path / 'iter_2.pth')
    tiny_runner(tmp_path, 2, _keep(1), load_from=last, resume=True).train()
    assert _files(tmp_path) == {'iter_2.pth', 'iter_7.pth'}
    assert not list(tmp_path.glob('.part-*'))


@pytest.mark.parametrize('beside', [True, False])
@pytest.mark.parametrize(
    'said',
    [
        dict(outdated_ckpts=['{}']),
        dict(outdated_ckpts=['../other', '', '..']),
        dict(best_ckpt='{}', best_score=0.0),
        dict(best_ckpt='{}/iter_5.pth', best_score=0.0),
        # The template of the name makes `iter_/../../other/iter_5.pth` of it.
        dict(keep_ckpt_ids=['/../../other/iter_5', 1, 2]),
    ],
)
def test_a_checkpoint_removes_nothing_outside_of_its_folder(
    tmp_path: Path, said: dict[str, Any], beside: bool
) -> None:
    folder, other = tmp_path / 'run', tmp_path / 'other'
    tiny_runner(folder, 2, _keep(1)).train()
    for path in (folder / 'iter_', other):
        path.mkdir()
    (other / 'iter_5.pth').touch()
    stranger = (folder if beside else tmp_path) / 'iter_2.pth'
    content = torch.load(folder / 'iter_2.pth', weights_only=True)
    for key, value in said.items():
        text = json.dumps(value).replace('{}', str(other))
        content['message_hub']['runtime_info'][key] = json.loads(text)
    torch.save(content, stranger)
    hook = _keep(1, save_best='acc')
    more = dict(load_from=str(stranger), resume=True)
    tiny_runner(folder, 4, hook, val_interval=1, **more).train()
    assert (other / 'iter_5.pth').is_file()
    kept = {'iter_4.pth', 'best_acc_iter_4.pth'}
    assert _files(folder) == (kept if beside else {*kept, 'iter_2.pth'})


def test_a_copied_run_removes_its_own_best_file(tmp_path: Path) -> None:
    hook = _keep(1, save_best='acc')
    tiny_runner(tmp_path / 'run', 2, hook, val_interval=1).train()
    copy = shutil.copytree(tmp_path / 'run', tmp_path / 'copy')
    more = dict(load_from=str(copy / 'iter_2.pth'), resume=True)
    tiny_runner(copy, 3, hook, val_interval=1, **more).train()
    assert _files(tmp_path / 'run') == {'iter_2.pth', 'best_acc_iter_2.pth'}
    assert _files(copy) == {'iter_3.pth', 'best_acc_iter_3.pth'}


def test_a_file_that_cannot_be_written(tmp_path: Path, in_child: Callable) -> None:
    # Wide, so that no log is as large as half of the checkpoint.
    tiny_runner(tmp_path, 1, _keep(1), model=TinyModel(20000)).train()
    before = (tmp_path / 'iter_1.pth').read_bytes()
    before_pointer = (tmp_path / 'last_checkpoint').read_text()

    def no_room() -> str:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, resource.RLIM_INFINITY))
        with pytest.raises(UserError) as raised:
            tiny_runner(tmp_path, 2, _keep(1), model=TinyModel(20000), **resumed).train()
        return str(raised.value)

    resumed = dict(load_from=str(tmp_path / 'iter_1.pth'), resume=True)
    said = in_child(no_room)
    assert f"cannot write '{tmp_path / 'iter_2.pth'}': the file is larger than a limit" in said
    assert 'MiB are free there' in said
    assert _files(tmp_path) == {'iter_1.pth'}
    assert (tmp_path / 'iter_1.pth').read_bytes() == before
    assert (tmp_path / 'last_checkpoint').read_text() == before_pointer
    assert not list(tmp_path.glob('.part-*'))
