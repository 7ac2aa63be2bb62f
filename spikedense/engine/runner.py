"""mmengine's runner with the checks that it lacks."""

import logging
import os
from pathlib import Path
from typing import Any, ClassVar, Self

from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.evaluator import Evaluator
from mmengine.hooks import Hook
from mmengine.logging import MMLogger
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.runner import (
    BaseLoop,
    Priority,
    Runner,
)
from torch import nn
from torch.utils.data import DataLoader

from spikedense.checks.config_keys import check_metric_keys
from spikedense.checks.dataset import FILES_OPENED, with_checks
from spikedense.checks.loaders import check_length, check_numbers
from spikedense.checks.named_samples import name_samples
from spikedense.checks.paramwise import check_constructor, check_custom_keys
from spikedense.checks.pretraining import reduced_rate
from spikedense.checks.resume import check_processes, check_resume
from spikedense.checks.resumed_file import check_resumed_file
from spikedense.deploy import as_saved, is_twin
from spikedense.errors import UserError
from spikedense.utils.config_layout import LaidOutOnce
from spikedense.utils.files import complete_or_absent
from spikedense.utils.integer_labels import predict_integer_labels
from spikedense.utils.signals import DeafWorker
from spikedense.utils.unwrap import replace_inner, unwrap
from spikedense.weights import Checkpoint, fill, read_checkpoint, read_state_dict

from .accumulation_hook import AccumulationHook
from .checkpoint_hook import durable
from .data_check_hook import DataCheckHook, annotation_files, metric_configs
from .finite_hook import FiniteHook
from .log_filter import ScreenFilter
from .plain_checkpoint_hook import PlainCheckpointHook
from .randomness import RandomnessHook, seed_reads
from .resumed_seed import adopt_seed, keep_seed
from .run_checks import ModelCheckHook, PretrainingHook, StartHook, WeightCheckHook
from .sample_order import with_places
from .stop_hook import StopHook
from .train_loops import resumable


class GuardedRunner(Runner):
    """A runner that refuses what mmengine accepts silently.

    Each method overrides a method of mmengine, because mmengine calls no hook at that point.

    Attributes:
        start_hook: Notes whether an iteration has begun.
        weight_hook: Compares checkpoints with the model; strict on request.
        pretraining_hook: Warns of a slow backbone without weights.
        stop_hook: Ends a training on a signal.
        saved: Paths of the checkpoints that this run has written.
        files_opened: Number of images and label maps that are opened of each data set before the
            run; None means all. It belongs to the class, because mmengine builds loaders without a
            runner.
        twin_loaded: Whether the model became a spike-driven twin, because the checkpoint is one.
    """

    start_hook: StartHook
    weight_hook: WeightCheckHook
    pretraining_hook: PretrainingHook
    stop_hook: StopHook
    saved: tuple[str, ...] = ()
    files_opened: ClassVar[int | None] = FILES_OPENED
    twin_loaded: bool = False
    _resuming: bool = False
    _read: Checkpoint | None = None
    _train_dataloader: Any
    _randomness_cfg: dict[str, Any]

    @classmethod
    def from_cfg(cls, cfg: Config) -> Self:
        """Build the runner of a config, and lay out the text of the config once.

        Args:
            cfg: The config.

        Returns:
            The runner.
        """
        return super().from_cfg(LaidOutOnce.of(cfg))

    def build_logger(self, *args: Any, **kwargs: Any) -> MMLogger:
        """Build the logger, and keep the config and the environment from the screen.

        mmengine logs both before it calls the first hook.

        Args:
            *args: Passed on to mmengine.
            **kwargs: Passed on to mmengine.

        Returns:
            The logger.
        """
        logger = super().build_logger(*args, **kwargs)
        for handler in logger.handlers:
            if not isinstance(handler, logging.FileHandler):
                handler.addFilter(ScreenFilter())
            elif is_main_process():
                print(f'log: {handler.baseFilename}')
        return logger

    def register_hooks(self, *args: Any, **kwargs: Any) -> None:
        """Register the hooks of the config, and the hooks that every run has.

        A config can replace or remove default hooks and custom hooks, but not these.

        Args:
            *args: Passed on to mmengine.
            **kwargs: Passed on to mmengine.
        """
        super().register_hooks(*args, **kwargs)
        self.start_hook, self.weight_hook = StartHook(), WeightCheckHook()
        self.pretraining_hook, self.stop_hook = PretrainingHook(), StopHook()
        for hook in (
            ModelCheckHook(),
            DataCheckHook(self.files_opened),
            self.weight_hook,
            self.start_hook,
            self.pretraining_hook,
            PlainCheckpointHook(),
            RandomnessHook(),
            AccumulationHook(),
            self.stop_hook,
        ):
            self.register_hook(hook)
        if not any(isinstance(hook, FiniteHook) for hook in self.hooks):
            self.register_hook(FiniteHook())

    def train(self) -> nn.Module:
        """Train, and end on a signal with a checkpoint; see :class:`StopHook`.

        Returns:
            The model.

        Raises:
            Interrupted: A signal has ended the training.
        """
        with self.stop_hook.listening():
            try:
                return super().train()
            except Exception as exc:
                # A `UserError` of the iterations names the checkpoint itself.
                if self.saved and not isinstance(exc, UserError):
                    self.logger.warning(
                        f"the training failed, '{self.saved[-1]}' is its newest checkpoint"
                    )
                raise

    def register_hook(self, hook: Hook | dict, priority: Priority | None = None) -> None:
        """Register a hook; mmengine's ``CheckpointHook`` becomes a ``DurableCheckpointHook``.

        Args:
            hook: A hook or its config.
            priority: Its priority, if it has another one than its class.
        """
        super().register_hook(durable(hook), priority)

    def build_model(self, model: Any) -> nn.Module:
        """Build the model; one with a single output map predicts integer labels.

        Args:
            model: A model or its config.

        Returns:
            The model.
        """
        built = super().build_model(model)
        predict_integer_labels(built)
        return built

    def build_optim_wrapper(self, optim_wrapper: Any) -> OptimWrapper | OptimWrapperDict:
        """Build the optimizer, and note its rates before mmengine scales and schedules them.

        Args:
            optim_wrapper: An optimizer or its config.

        Returns:
            The optimizer.
        """
        check_constructor(self.model, optim_wrapper)
        built = super().build_optim_wrapper(optim_wrapper)
        check_custom_keys(self.model, optim_wrapper)
        self.pretraining_hook.rates = reduced_rate(self.model, built)
        return built

    @property
    def started(self) -> bool:
        """Whether an iteration has begun."""
        # Until the runner is built as a whole, there are no hooks.
        return hasattr(self, 'start_hook') and self.start_hook.started

    @classmethod
    def build_dataloader(
        cls, dataloader: DataLoader | dict, seed: int | None = None, diff_rank_seed: bool = False
    ) -> DataLoader:
        """Build a loader, and refuse one without a batch and a COCO file with defects.

        The checks must run while the data set is built: mmengine's sampler searches an empty set
        without end, mmdet frees a COCO file as soon as it has read it, and a schedule of epochs
        cannot be built for a loader without a batch.

        Args:
            dataloader: A loader or its config.
            seed: Seed of the sampler.
            diff_rank_seed: Whether each process has a different seed.

        Returns:
            The loader.

        Raises:
            UserError: The data set is empty or less than a batch, its file has defects, or the
                names of its classes are no list.
        """
        check_numbers(dataloader)
        if isinstance(dataloader, dict) and dataloader.get('num_workers') == 0:
            # torch refuses to keep workers that do not exist.
            dataloader = {**dataloader, 'persistent_workers': False}
        checked = dataloader
        if isinstance(dataloader, dict) and 'dataset' in dataloader:
            dataset = with_checks(dataloader['dataset'], cls.files_opened)
            checked = {**dataloader, 'dataset': dataset}
        loader = None
        try:
            loader = Runner.build_dataloader(checked, seed, diff_rank_seed)
        except ValueError as exc:
            # numpy raises this error when mmengine packs an empty list of samples.
            if 'need at least one array' not in str(exc):
                raise
        check_length(loader, dataloader)
        assert loader is not None
        name_samples(loader.dataset)
        loader.worker_init_fn = DeafWorker(loader.worker_init_fn)
        return loader

    def build_train_loop(self, loop: BaseLoop | dict) -> BaseLoop:
        """Build a training loop whose random numbers and order of images outlast a resume.

        Args:
            loop: A loop or its config.

        Returns:
            The loop.
        """
        if isinstance(loop, BaseLoop):
            return loop
        self._read = adopt_seed(self)
        self._train_dataloader = with_places(self._train_dataloader)
        built = super().build_train_loop(resumable(loop))
        seed_reads(built.dataloader, self.seed)
        return built

    def build_evaluator(self, evaluator: dict | list | Evaluator) -> Evaluator:
        """Build an evaluator, and name the files that its metrics cannot read.

        Args:
            evaluator: An evaluator or its config.

        Returns:
            The evaluator.

        Raises:
            UserError: A metric cannot read its ``ann_file``, or a key of a metric is misspelt.
        """
        check_metric_keys(metric_configs(evaluator))
        try:
            return super().build_evaluator(evaluator)
        except (AssertionError, KeyError, TypeError, ValueError) as exc:
            files = annotation_files(evaluator)
            if not files or isinstance(exc, UserError):
                raise
            reason = f'no {exc}' if isinstance(exc, KeyError) else str(exc) or type(exc).__name__
            named = ' or '.join(repr(file) for file in files)
            raise UserError(f'the metric cannot read ann_file={named}: {reason}') from exc

    def resume(self, filename: str, *args: Any, **kwargs: Any) -> None:
        """Continue from a checkpoint, if its optimizer and its schedulers are those of the run.

        Args:
            filename: Path or address of the checkpoint.
            *args: Passed on to mmengine.
            **kwargs: Passed on to mmengine.

        Raises:
            UserError: The checkpoint cannot be read, or does not fit.
        """
        self._resuming = True
        super().resume(filename, *args, **kwargs)
        self._resuming = False
        done, wanted = self.iter, self.max_iters
        if done >= wanted:
            self.logger.warning(
                f"'{filename}' has all {wanted} iterations of train_cfg: nothing is left to train"
            )

    def load_checkpoint(self, filename: str, map_location: Any = 'cpu') -> Checkpoint:
        """Load the weights that fit the model; :class:`WeightCheckHook` decides whether to load.

        mmengine's own method raises no ``UserError`` if it cannot read a file, and prints each key
        that does not fit.

        Args:
            filename: Path or address of the checkpoint.
            map_location: Not read. mmengine names the device of the model, but the content of the
                file stays on the CPU: models and optimizers copy it to their own device.

        Returns:
            The content of the file.

        Raises:
            UserError: The file cannot be read, or does not fit the model.
        """
        checkpoint, self._read = self._read, None
        if checkpoint is None or checkpoint.source != filename:
            checkpoint = read_checkpoint(filename)
            if self._resuming:
                check_resumed_file(filename, checkpoint)
        if is_twin(checkpoint):
            if isinstance(self._train_loop, BaseLoop):
                raise UserError(
                    f"'{filename}' is the checkpoint of a spike-driven twin, which cannot be "
                    'trained, expected the checkpoint of the model'
                )
            replace_inner(self, 'model', as_saved(unwrap(self.model), checkpoint))
            self.twin_loaded = True
        self.call_hook('after_load_checkpoint', checkpoint=checkpoint)
        if self._resuming:
            check_resume(filename, checkpoint, self.optim_wrapper, self.param_schedulers)
            scaled = bool((self.auto_scale_lr or {}).get('enable'))
            check_processes(filename, checkpoint, self.world_size, scaled)
            # mmengine would run this text.
            checkpoint['meta'].pop('config', None)
            keep_seed(self, checkpoint)
        fill(self.model, read_state_dict(checkpoint))
        self._has_loaded = True
        self.logger.info(f'Load checkpoint from {filename}')
        return checkpoint

    def save_checkpoint(self, out_dir: str, filename: str, *args: Any, **kwargs: Any) -> None:
        """Write a checkpoint, completely or not at all.

        mmengine writes to the file itself, so that a killed run leaves a half-written checkpoint.
        The file is on the disk when this method returns, so that it outlives a power cut.

        Args:
            out_dir: Folder of the checkpoint, or an address.
            filename: Name of the file.
            *args: Passed on to mmengine.
            **kwargs: Passed on to mmengine.
        """
        if '://' in out_dir:
            super().save_checkpoint(out_dir, filename, *args, **kwargs)
        elif is_main_process():
            with complete_or_absent(Path(out_dir, filename), durable=True) as part:
                super().save_checkpoint(out_dir, part.name, *args, **kwargs)
        self.saved = (*self.saved, os.path.join(out_dir, filename))
