"""Training and testing of a config of mmseg, mmdet or mmpretrain."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.logging import MMLogger
from torch import nn

from spikedense.checks.checkpoint import existing_checkpoint
from spikedense.checks.config import open_config
from spikedense.checks.loops import check_loops
from spikedense.checks.outputs import check_outputs_of_run
from spikedense.engine import (
    FiringRateHook,
    GuardedRunner,
    LabelMapNamesHook,
    OverlayHook,
    SpikeInferenceHook,
)
from spikedense.errors import UserError
from spikedense.utils.class_names import class_name
from spikedense.visualization.visualizer import set_visualizer

from . import environment, evaluation
from .learning_rate import scale_with_batch
from .run_lock import sole_training
from .work_dir import AUTO, find_checkpoint, nothing_left_behind, whole_checkpoint


def train(
    config: str,
    *,
    work_dir: str | None = None,
    resume: str | None = None,
    amp: bool = False,
    cfg_options: Mapping[str, Any] | None = None,
    launcher: str = 'none',
    seed: int | None = None,
    deterministic: bool = False,
    show_dir: str | None = None,
    auto_scale_lr: bool = False,
    check: str = 'sample',
) -> str | None:
    """Train a config.

    Args:
        config: Path of a config, or the name of a shipped one.
        work_dir: Folder of logs and checkpoints; by default ``work_dirs/<config name>``.
        resume: A checkpoint to continue from; ``newest`` for the newest whole one of the folder;
            ``auto`` for the same, or a new start in a folder without a checkpoint. By default what
            the config says: its ``resume=True`` without ``load_from`` means ``auto``.
        amp: Whether to train in mixed precision: float16 on a GPU, bfloat16 on a CPU.
        cfg_options: Dotted keys and the values that replace those of the config.
        launcher: How several processes were started: ``none``, ``pytorch``, ``slurm`` or ``mpi``.
        seed: Seed of all random numbers; by default that of the checkpoint if a run is resumed.
        deterministic: Whether to use deterministic algorithms.
        show_dir: Folder for pictures of validation images.
        auto_scale_lr: Whether the learning rate grows with the batch size of all processes; see
            :func:`~spikedense.apis.learning_rate.scale_with_batch`.
        check: Which images and label maps are opened before the run: ``sample`` or ``all``.

    Returns:
        Path of the last checkpoint, or None if this run wrote none.

    Raises:
        UserError: The config, an option, the data, a checkpoint or the launcher cannot be used.
    """
    with environment.process_group(launcher), ExitStack() as stack:
        cfg = _config(config, cfg_options, work_dir, launcher)
        if cfg.get('train_dataloader') is None:
            raise UserError(f"'{config}' has no train_dataloader: it cannot be trained")
        check_loops(cfg)
        check_outputs_of_run(cfg, {} if show_dir is None else {'--show-dir': show_dir}, {})
        stack.enter_context(sole_training(cfg.work_dir, launcher))
        if resume is None and cfg.get('resume'):
            resume = cfg.get('load_from') or AUTO
        if resume is not None:
            found = find_checkpoint(resume, cfg.work_dir)
            cfg.resume = found is not None
            cfg.load_from = found or cfg.get('load_from')
        if not cfg.get('resume') and cfg.get('load_from'):
            existing_checkpoint(cfg.load_from)
        if amp:
            _use_amp(cfg)
        if auto_scale_lr:
            scale_with_batch(cfg)
        _set_randomness(cfg, seed, deterministic)
        if cfg.get('resume') and seed is None and 'randomness.seed' not in (cfg_options or {}):
            # The runner takes the seed of the checkpoint.
            cfg.randomness['seed'] = None
        environment.adapt_to_machine(cfg, launcher)
        with _runner(cfg, show_dir, check, strict=bool(cfg.get('resume'))) as runner:
            runner.train()
    pointer = Path(cfg.work_dir, 'last_checkpoint')
    last = pointer.read_text().strip() if pointer.is_file() else None
    # The pointer may be that of an earlier run in the same folder.
    return last if last in runner.saved else None


def test(
    config: str,
    checkpoint: str,
    *,
    work_dir: str | None = None,
    show_dir: str | None = None,
    tta: bool = False,
    out: str | None = None,
    amp: bool = False,
    cfg_options: Mapping[str, Any] | None = None,
    launcher: str = 'none',
    seed: int | None = None,
    deterministic: bool = False,
    partial: bool = False,
    firing_rates: str | None = None,
    spike_inference: bool = False,
    model: nn.Module | None = None,
    hooks: Sequence[Hook] = (),
    check: str = 'sample',
) -> dict[str, float]:
    """Test a checkpoint.

    Args:
        config: Path of a config, or the name of a shipped one.
        checkpoint: Path or address of the checkpoint.
        work_dir: Folder of logs and metrics; by default ``work_dirs/<config name>``.
        show_dir: Folder for pictures of the predictions.
        tta: Whether to average the predictions over augmented copies of each image.
        out: Destination of the predictions: a folder of PNG label maps (mmseg) or a pickle file.
        amp: Whether to predict in mixed precision.
        cfg_options: Dotted keys and the values that replace those of the config.
        launcher: How several processes were started: ``none``, ``pytorch``, ``slurm`` or ``mpi``.
        seed: Seed of all random numbers.
        deterministic: Whether to use deterministic algorithms.
        partial: Whether a checkpoint is accepted that fits only a part of the model, or that was
            trained with other settings, such as another D.
        firing_rates: JSON or CSV file for the firing statistics of each neuron.
        spike_inference: Whether to test the spike-driven twin of the model.
        model: The model of the config if it is built already. It gets the weights of the
            checkpoint, and stays on the device of the test.
        hooks: Further hooks of the test.
        check: Which images and label maps are opened before the run: ``sample`` or ``all``.

    Returns:
        The metrics.

    Raises:
        UserError: The config, an option, the data, the checkpoint or the launcher cannot be used.
    """
    if spike_inference and firing_rates is not None:
        raise UserError(
            '--firing-rates with --spike-inference, expected one of them: the rates '
            'are those of integers'
        )
    with environment.process_group(launcher):
        cfg = _config(config, cfg_options, work_dir, launcher)
        if cfg.get('test_dataloader') is None:
            raise UserError(f"'{config}' has no test_dataloader: it cannot be tested")
        check_loops(cfg)
        cfg.load_from = whole_checkpoint(checkpoint)
        cfg.resume = False
        _check_outputs(cfg, show_dir, out, firing_rates)
        if tta:
            evaluation.add_tta(cfg)
        if out is not None:
            evaluation.add_output(cfg, out)
        if amp:
            cfg.test_cfg.fp16 = True
        _set_randomness(cfg, seed, deterministic)
        environment.adapt_to_machine(cfg, launcher)
        with _runner(cfg, show_dir, check, strict=not partial, model=model) as runner:
            runner.weight_hook.accepted_by = ' (--partial accepts others)'
            if firing_rates is not None:
                runner.register_hook(FiringRateHook(firing_rates))
            if spike_inference:
                runner.register_hook(SpikeInferenceHook())
            for hook in hooks:
                runner.register_hook(hook)
            with evaluation.output_folder(out):
                return runner.test()


def _config(
    config: str, cfg_options: Mapping[str, Any] | None, work_dir: str | None, launcher: str
) -> Config:
    """Read a config, and add the launcher and the folder of the run."""
    cfg = open_config(config, cfg_options)
    cfg.launcher = launcher
    cfg.work_dir = (
        work_dir or cfg.get('work_dir') or str(Path('work_dirs', Path(cfg.filename).stem))
    )
    return cfg


def _check_outputs(
    cfg: Config, show_dir: str | None, out: str | None, firing_rates: str | None
) -> None:
    """Refuse outputs of a test that would replace its inputs."""
    folders, files = {'--show-dir': show_dir}, {'--firing-rates': firing_rates}
    (files if out is not None and evaluation.is_pickle(out) else folders)['--out'] = out
    check_outputs_of_run(
        cfg,
        {option: path for option, path in folders.items() if path is not None},
        {option: path for option, path in files.items() if path is not None},
    )


def _use_amp(cfg: Config) -> None:
    wrapper = cfg.optim_wrapper
    kind = class_name(wrapper) or 'OptimWrapper'
    if kind in ('AmpOptimWrapper', 'BFloat16OptimWrapper'):
        environment.say(f'--amp changes nothing, the config already has {kind}')
    elif kind != 'OptimWrapper':
        raise UserError(f"--amp replaces an OptimWrapper, the config has '{kind}'")
    elif not torch.cuda.is_available():
        environment.use_bfloat16(wrapper)
    else:
        wrapper.type = 'AmpOptimWrapper'
        wrapper.loss_scale = 'dynamic'


def _set_randomness(cfg: Config, seed: int | None, deterministic: bool) -> None:
    randomness = dict(cfg.get('randomness') or dict(seed=None))
    if seed is not None:
        randomness['seed'] = seed
    if deterministic:
        randomness['deterministic'] = True
    cfg.randomness = randomness


@contextmanager
def _runner(
    cfg: Config, show_dir: str | None, check: str, strict: bool, model: nn.Module | None = None
) -> Iterator[GuardedRunner]:
    """Make the runner of a config; remove what it wrote if the run fails before it starts."""
    set_visualizer(cfg)
    evaluation.name_label_maps(cfg)
    runners: list[GuardedRunner] = []
    with nothing_left_behind(cfg.work_dir, runners):
        environment.wait_for_a_free_name(cfg)
        runner = _runner_class(model, check, runners).from_cfg(cfg)
        runner.weight_hook.strict = strict
        runner.register_hook(LabelMapNamesHook())
        if cfg.randomness.get('deterministic'):
            environment.relax_determinism()
        if show_dir is not None:
            runner.register_hook(OverlayHook(show_dir))
        yield runner


def _runner_class(
    model: nn.Module | None, check: str, runners: list[GuardedRunner]
) -> type[GuardedRunner]:
    """Return the class of a runner that takes a built model in place of the one of the config.

    The runner adds itself to a list before it is built as a whole.
    """

    class RunnerOfModel(GuardedRunner):
        files_opened = None if check == 'all' else GuardedRunner.files_opened

        def build_logger(self, *args: Any, **kwargs: Any) -> MMLogger:
            runners.append(self)
            return super().build_logger(*args, **kwargs)

        def build_model(self, cfg: Any) -> nn.Module:
            return super().build_model(cfg if model is None else model)

    return RunnerOfModel
