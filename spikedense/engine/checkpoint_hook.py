"""The checkpoint hook that removes an old file after the new one is whole."""

import glob
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.hooks import CheckpointHook, Hook
from mmengine.registry import HOOKS as LIBRARY_HOOKS

from spikedense.checkpoint_files import flaw
from spikedense.registry import HOOKS
from spikedense.utils.class_names import class_name
from spikedense.utils.files import remove_abandoned, write_file
from spikedense.weights import read_checkpoint

#: The runtime information with the names of the files that a save has made outdated.
_OUTDATED = 'outdated_ckpts'
#: mmengine's: the numbers of the files that are kept, and the paths of the best ones.
_KEPT = 'keep_ckpt_ids'
_BEST = 'best_ckpt'


@HOOKS.register_module()
class DurableCheckpointHook(CheckpointHook):
    """Save checkpoints without a moment at which no whole one exists.

    mmengine removes an old file before it writes the new one. A run that ends in between has lost
    both if ``max_keep_ckpts`` is 1, and in any case the best one. This hook removes old files
    afterwards, so the disk needs room for one more file than ``max_keep_ckpts``. The pointer
    ``last_checkpoint`` is replaced as a whole, after the file that it names.

    A checkpoint names the files that it makes outdated. So a resumed run can remove what a killed
    run had no time to remove. The names may be those of a stranger, or of the run that this one is
    a copy of: nothing is removed but checkpoints in the folder of the run.

    Args:
        *args: See mmengine's hook.
        **kwargs: See mmengine's hook.
    """

    def before_train(self, runner: Any) -> None:
        """Prepare the folders, and finish the removals of the run that is resumed.

        Args:
            runner: The runner.
        """
        outdated: list[Any] = []
        info = runner.message_hub.runtime_info
        folder = _folder(runner, self.out_dir)
        continues = _continues_in(folder, runner)
        if continues:
            outdated = [*_list(info.get(_OUTDATED)), *self._take_best(runner)]
        ids = _list(info.pop(_KEPT, None))
        if ids and continues:
            info[_KEPT] = [step for step in ids if type(step) is int]
        for key in [key for key in info if key.startswith(_BEST)]:
            name = os.path.basename(str(info.pop(key)))
            if continues and os.path.exists(os.path.join(folder, name)):
                info[key] = os.path.join(folder, name)
        super().before_train(runner)
        self._removals = _LateRemovals(self.file_backend, self._is_own)
        self.file_backend: Any = self._removals
        for each in {runner.work_dir, self.out_dir}:
            if is_main_process() and os.path.isdir(each):
                remove_abandoned(each)
        for name in outdated:
            self._removals.remove(self._path(str(name)))
        self._removals.carry_out(self._current())

    def _take_best(self, runner: Any) -> list[str]:
        """Note the best checkpoint of a run that was killed before it could note it.

        The validation behind the resumed checkpoint is not repeated. If it was the best one, only
        the file of the best checkpoint knows.

        Args:
            runner: The runner.

        Returns:
            The names of the best files that this makes outdated.
        """
        found: list[Any] = [{}]
        if self.save_best and is_main_process():
            step = runner.epoch if self.by_epoch else runner.iter
            pattern = glob.escape('_' + self.filename_tmpl.format(step))
            for path in sorted(Path(runner._load_from).absolute().parent.glob(f'best_*{pattern}')):
                if flaw(path) is None:
                    found[0].update(_notes_about_itself(path))
        broadcast_object_list(found)
        info = runner.message_hub.runtime_info
        former = [info[key] for key, value in found[0].items() if info.get(key, value) != value]
        for key, value in found[0].items():
            runner.message_hub.update_info(key, value)
        return [os.path.basename(path) for path in former if isinstance(path, str)]

    def _save_checkpoint_with_step(self, runner: Any, step: int, meta: dict) -> None:
        """Save a checkpoint, write the pointer, remove what is outdated.

        This replaces mmengine's method, whose order is another one.

        Args:
            runner: The runner.
            step: Number of finished iterations or epochs.
            meta: Metadata of the checkpoint.
        """
        info = runner.message_hub.update_info
        if self.max_keep_ckpts > 0 and step not in self.keep_ckpt_ids:
            if len(self.keep_ckpt_ids) == self.max_keep_ckpts:
                oldest = self.keep_ckpt_ids.popleft()
                self._removals.remove(self._path(self.filename_tmpl.format(oldest)))
            self.keep_ckpt_ids.append(step)
            info(_KEPT, list(self.keep_ckpt_ids))
        name = self.filename_tmpl.format(step)
        self.last_ckpt = self._path(name)
        info('last_ckpt', self.last_ckpt)
        info(_OUTDATED, [os.path.basename(path) for path in self._removals.pending])
        runner.save_checkpoint(
            self.out_dir,
            name,
            self.file_client_args,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta=meta,
            by_epoch=self.by_epoch,
            backend_args=self.backend_args,
            **self.args,
        )
        if is_main_process():
            pointer = os.path.join(runner.work_dir, 'last_checkpoint')
            write_file(pointer, self.last_ckpt, durable=True)
        self._removals.carry_out(self._current())

    def _save_best_checkpoint(self, runner: Any, metrics: dict) -> None:
        """Save a checkpoint that is better than all before, and remove the former best one.

        Args:
            runner: The runner.
            metrics: Results of the validation.
        """
        super()._save_best_checkpoint(runner, metrics)
        # mmengine saves the last checkpoint again only if the run has saved one before.
        self._removals.carry_out(self._current())

    def _path(self, name: str) -> str:
        return self.file_backend.join_path(self.out_dir, name)

    def _is_own(self, path: str) -> bool:
        """Tell whether a path is that of a checkpoint in the folder of this hook."""
        name = os.path.basename(path)
        before, _, after = self.filename_tmpl.partition('{')
        pattern = rf'(best_.+_)?{re.escape(before)}\d+{re.escape(after.partition("}")[2])}'
        return re.fullmatch(pattern, name) is not None and path == self._path(name)

    def _current(self) -> set[str | None]:
        """Return the paths that are in use: the validation of a resumed run writes one again."""
        best = getattr(self, 'best_ckpt_path_dict', {}).values()
        return {self.last_ckpt, getattr(self, 'best_ckpt_path', None), *best}


def _folder(runner: Any, out_dir: Any) -> str:
    """Return the folder of the checkpoints, as mmengine makes it from the hook's ``out_dir``."""
    folder = os.path.abspath(runner.work_dir)
    return folder if out_dir is None else os.path.join(out_dir, os.path.basename(folder))


def _continues_in(folder: str, runner: Any) -> bool:
    """Tell whether a run continues in the folder where the resumed checkpoint lies."""
    resumed = runner._load_from if runner._resume else None
    if not resumed or '://' in resumed:
        return False
    return os.path.dirname(os.path.realpath(resumed)) == os.path.realpath(folder)


def _list(value: Any) -> list[Any]:
    """Return a list of a checkpoint; an empty one for anything else."""
    return value if isinstance(value, list) else []


def _notes_about_itself(path: Path) -> dict[str, Any]:
    """Return the score and the path that the file of a best checkpoint holds about itself."""
    info = read_checkpoint(path).get('message_hub', {}).get('runtime_info', {})
    notes = {}
    for key, value in info.items():
        if key.startswith(_BEST) and os.path.basename(str(value)) == path.name:
            score = key.replace('ckpt', 'score', 1)
            notes.update({key: str(path), score: info.get(score)})
    return notes


def durable(hook: Hook | dict) -> Hook | dict:
    """Return the config of a hook with this module's class in the place of mmengine's.

    Args:
        hook: A hook or its config.

    Returns:
        A changed copy, or the same object if it is no config of mmengine's ``CheckpointHook``.
        A subclass of that hook, and a hook that is built already, stay as they are.
    """
    if not isinstance(hook, dict) or class_name(hook) != 'CheckpointHook':
        return hook
    kind = hook['type']
    if isinstance(kind, str):
        with LIBRARY_HOOKS.switch_scope_and_registry(None) as registry:
            kind = registry.get(kind)
    return {**hook, 'type': DurableCheckpointHook} if kind is CheckpointHook else hook


class _LateRemovals:
    """A file backend that notes what to remove, and removes it on demand.

    Args:
        backend: The file backend.
        is_own: Tells whether a path may be removed.

    Attributes:
        pending: Paths of the files, or of the folders of sharded checkpoints.
    """

    def __init__(self, backend: Any, is_own: Callable[[str], bool]) -> None:
        self._backend = backend
        self._is_own = is_own
        self.pending: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def remove(self, path: str) -> None:
        """Note a file or a folder. mmengine calls this method."""
        self.pending.append(path)

    rmtree = remove

    def carry_out(self, in_use: set[str | None]) -> None:
        """Remove what was noted, in the first process.

        Args:
            in_use: Paths that stay.
        """
        for path in self.pending if is_main_process() else ():
            if path in in_use or not self._is_own(path):
                continue
            if self._backend.isfile(path):
                self._backend.remove(path)
            elif self._backend.isdir(path):
                self._backend.rmtree(path)
        self.pending = []
