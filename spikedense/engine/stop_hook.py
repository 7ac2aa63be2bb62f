"""The hook that ends a training on a signal, with a checkpoint to go on from."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import get_rank, get_world_size
from mmengine.hooks import CheckpointHook, EMAHook, Hook
from mmengine.runner import EpochBasedTrainLoop, ValLoop
from torch import distributed

from spikedense.errors import Interrupted
from spikedense.utils.files import write_file
from spikedense.utils.signals import handled, raise_interrupted

#: File of a checkpoint inside of an epoch: a schedule of epochs has no name for it.
INSIDE_EPOCH = 'interrupted.pth'
#: One Ctrl-C reaches a process more than once, from the terminal and from torchrun.
_ONE_PRESS = 1.0  # seconds
_DUE = 'validation_due'


class StopHook(Hook):
    """End the training on SIGINT, SIGTERM or SIGUSR1, after a checkpoint is saved.

    The run finishes its iteration. In a validation it finishes the batch; the checkpoint holds the
    state before the validation, and a resumed run begins with this validation. All processes of a
    run stop together if one of them has got a signal. A second Ctrl-C ends the run at once.

    A signal that comes before the first iteration ends the run at once, too: nothing is trained
    that could be lost.
    """

    # Run after the hook that saves checkpoints.
    priority = 'LOWEST'

    def __init__(self) -> None:
        self._signal = 0
        self._since = 0.0
        self._training = False
        self._stopping = 0
        self._due = False
        self._common_batches = 0
        self._group: Any = None

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Handle the signals inside of a ``with`` block, and give them back at its end."""
        self._signal = self._stopping = 0
        self._training = False
        with handled(self._handle):
            yield

    def _handle(self, number: int, frame: Any) -> None:
        now = time.monotonic()
        again = bool(self._signal) and number == signal.SIGINT and now - self._since > _ONE_PRESS
        if not self._signal:
            self._signal, self._since = number, now
        elif not again:
            return
        if again or not self._training:
            raise_interrupted(number)
        if get_rank() == 0:
            # `print` may be the very function that the signal has interrupted.
            hint = '; Ctrl-C once more ends it at once' if number == signal.SIGINT else ''
            said = f'{signal.Signals(number).name}: the run saves a checkpoint and ends{hint}\n'
            os.write(2, said.encode())

    def after_load_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Note whether a validation of the resumed run is left to do.

        Args:
            runner: The runner.
            checkpoint: Content of the file.
        """
        self._due = bool(runner._resume and checkpoint.get('meta', {}).get(_DUE))

    def before_train(self, runner: Any) -> None:
        """Do the validation in which the resumed run was stopped.

        Args:
            runner: The runner.
        """
        if get_world_size() > 1:
            # The flag lies on the CPU, so that asking for it waits for no GPU.
            self._group = distributed.new_group(backend='gloo')
        if self._due and isinstance(runner.val_loop, ValLoop):
            runner.logger.info('the validation that was interrupted begins again')
            runner.val_loop.run()
        self._due = False

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """Stop before an iteration; from the first one on, a signal waits for the end of it.

        Args:
            runner: The runner.
            batch_idx: Not read.
            data_batch: Not read.

        Raises:
            Interrupted: A process of the run has got a signal.
        """
        if self._signal and not self._training:
            # Python drops an exception that is raised in some of its own functions.
            raise_interrupted(self._signal)
        self._training = True
        self._stop_if_asked(runner, inside_epoch=True)

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Ask all processes for signals; the run stops before it does anything else.

        It does not stop here, because a schedule may have an epoch to close, or be complete.

        Args:
            runner: Not read.
            batch_idx: Not read.
            data_batch: Not read.
            outputs: Not read.
        """
        self._stopping = self._over_processes(self._signal)

    def before_train_epoch(self, runner: Any) -> None:
        """Stop between two epochs.

        Args:
            runner: The runner.

        Raises:
            Interrupted: A process of the run has got a signal.
        """
        self._stop_if_asked(runner)

    def before_val(self, runner: Any) -> None:
        """Stop before a validation.

        Args:
            runner: The runner.

        Raises:
            Interrupted: A process of the run has got a signal.
        """
        self._stop_if_asked(runner, due=True)
        batches = len(runner.val_dataloader)
        # The set of one process may be longer than that of another one.
        self._common_batches = -self._over_processes(-batches)

    def after_val_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Stop in a validation.

        Args:
            runner: The runner.
            batch_idx: Index of the batch.
            data_batch: Not read.
            outputs: Not read.

        Raises:
            Interrupted: A process of the run has got a signal.
        """
        if self._training and batch_idx < self._common_batches:
            self._stopping = self._over_processes(self._signal)
            if self._stopping:
                _leave_averages(runner)
            self._stop_if_asked(runner, due=True)

    def _over_processes(self, number: int) -> int:
        """Return the highest of the numbers of all processes."""
        if self._group is None:
            return number
        numbers = torch.tensor(number)
        distributed.all_reduce(numbers, distributed.ReduceOp.MAX, group=self._group)
        return int(numbers)

    def _stop_if_asked(self, runner: Any, inside_epoch: bool = False, due: bool = False) -> None:
        if not self._stopping:
            return
        path = _save(
            runner, inside_epoch or not isinstance(runner.train_loop, EpochBasedTrainLoop), due
        )
        runner.visualizer.close()
        # torchrun and srun end all processes as soon as the first one has ended.
        self._over_processes(0)
        name = signal.Signals(self._stopping).name
        done = f'interrupted by {name} after {runner.iter} of {runner.max_iters} iterations'
        if path is None:
            message = f'{done}: nothing was saved, because the config has no CheckpointHook'
        else:
            message = f"{done}: saved '{path}', the same command with --resume goes on from there"
        runner.logger.info(message)
        raise Interrupted(self._stopping, message, path)


def _leave_averages(runner: Any) -> None:
    """Give the model its own weights back: a validation uses those of a moving average."""
    for hook in runner.hooks:
        # mmpretrain's hook can validate without the average.
        if isinstance(hook, EMAHook) and getattr(hook, 'evaluate_on_ema', True):
            hook._swap_ema_parameters()


def _save(runner: Any, inside_epoch: bool, due: bool) -> str | None:
    """Save the state between two iterations, as the checkpoint hook of the run would.

    Args:
        runner: The runner.
        inside_epoch: Whether an epoch is not complete, or the run has no epochs.
        due: Whether a validation comes next.

    Returns:
        The path, or None if the run saves no checkpoints.
    """
    hook = next((hook for hook in runner.hooks if isinstance(hook, CheckpointHook)), None)
    if hook is None:
        return None
    meta = dict(epoch=runner.epoch, iter=runner.iter)
    if due:
        meta[_DUE] = True
    unnamed = hook.by_epoch and inside_epoch
    step = runner.epoch if hook.by_epoch else runner.iter
    name = INSIDE_EPOCH if unnamed else hook.filename_tmpl.format(step)
    path = hook.file_backend.join_path(hook.out_dir, name)
    if path == next(iter(runner.saved[-1:]), None) and not due:
        return path
    if not unnamed:
        hook._save_checkpoint_with_step(runner, step, meta)
        return path
    runner.save_checkpoint(
        hook.out_dir,
        name,
        save_optimizer=hook.save_optimizer,
        save_param_scheduler=hook.save_param_scheduler,
        meta=meta,
        backend_args=hook.backend_args,
    )
    if get_rank() == 0:
        write_file(Path(runner.work_dir, 'last_checkpoint'), path, durable=True)
    return path
