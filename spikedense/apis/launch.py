"""Training and testing a config of mmseg, mmdet or mmpretrain."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config

from spikedense.engine import FiringRateHook, GuardedRunner, OverlayHook, SpikeInferenceHook
from spikedense.utils.config_path import resolve_config
from spikedense.utils.ops_guard import require_mmcv_ops

from . import environment, evaluation
from .config_options import apply_options
from .errors import UserError
from .work_dir import existing_checkpoint, find_checkpoint, nothing_left_behind


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
) -> str | None:
    """Train a config.

    Args:
        config: Path of a config, or the name of one that is shipped.
        work_dir: Where logs and checkpoints go; by default ``work_dirs/<config name>``.
        resume: A checkpoint to go on from, or ``auto`` for the newest in the work dir.
        amp: Train in mixed precision: float16 on a GPU, bfloat16 on a CPU.
        cfg_options: Dotted keys and the values that replace the config's.
        launcher: How several processes were started: ``none``, ``pytorch``, ``slurm``, ``mpi``.
        seed: Seed of everything random.
        deterministic: Ask for deterministic algorithms.
        show_dir: Folder for pictures of validation images.

    Returns:
        Path of the last checkpoint, or None if the run wrote none.
    """
    with environment.process_group(launcher):
        cfg = load_config(config, cfg_options, work_dir, launcher)
        if cfg.get('train_dataloader') is None:
            raise UserError(f"'{config}' has no train_dataloader: it cannot be trained")
        if resume is None and cfg.get('resume'):
            resume = cfg.get('load_from') or 'auto'
        if resume is not None:
            cfg.load_from = find_checkpoint(resume, cfg.work_dir)
            cfg.resume = True
        elif cfg.get('load_from'):
            existing_checkpoint(cfg.load_from)
        if amp:
            _use_amp(cfg)
        _set_randomness(cfg, seed, deterministic)
        environment.adapt_to_machine(cfg, launcher)
        with _runner(cfg, show_dir, strict=bool(cfg.get('resume'))) as runner:
            runner.train()
    pointer = Path(cfg.work_dir, 'last_checkpoint')
    last = pointer.read_text().strip() if pointer.is_file() else None
    # An earlier run in the same folder may have left its own.
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
) -> dict[str, float]:
    """Test a checkpoint.

    Args:
        config: Path of a config, or the name of one that is shipped.
        checkpoint: Path or address of the checkpoint.
        work_dir: Where logs and metrics go; by default ``work_dirs/<config name>``.
        show_dir: Folder for pictures of the predictions.
        tta: Average the predictions over augmented copies of each image.
        out: Where the predictions go: a folder of PNG label maps (mmseg) or a pickle file.
        amp: Predict in mixed precision.
        cfg_options: Dotted keys and the values that replace the config's.
        launcher: How several processes were started.
        seed: Seed of everything random.
        deterministic: Ask for deterministic algorithms.
        partial: Accept a checkpoint that fits the model in part.
        firing_rates: JSON or CSV file for how often each neuron fired.
        spike_inference: Test the spike-driven twin of the model.

    Returns:
        The metrics.
    """
    if spike_inference and firing_rates is not None:
        raise UserError(
            '--firing-rates with --spike-inference, expected one of them: the rates '
            'are those of integers'
        )
    with environment.process_group(launcher):
        cfg = load_config(config, cfg_options, work_dir, launcher)
        if cfg.get('test_dataloader') is None:
            raise UserError(f"'{config}' has no test_dataloader: it cannot be tested")
        cfg.load_from = existing_checkpoint(checkpoint)
        cfg.resume = False
        if tta:
            evaluation.add_tta(cfg)
        if out is not None:
            evaluation.add_output(cfg, out)
        if amp:
            cfg.test_cfg.fp16 = True
        _set_randomness(cfg, seed, deterministic)
        environment.adapt_to_machine(cfg, launcher)
        with _runner(cfg, show_dir, strict=not partial) as runner:
            if firing_rates is not None:
                runner.register_hook(FiringRateHook(firing_rates))
            if spike_inference:
                runner.register_hook(SpikeInferenceHook())
            if out is not None:
                evaluation.make_output_folder(out)
            return runner.test()


def load_config(
    config: str, cfg_options: Mapping[str, Any] | None, work_dir: str | None, launcher: str
) -> Config:
    """Read a config, see that what it needs is installed, and merge the options."""
    try:
        path = str(resolve_config(config))
    except (FileNotFoundError, ValueError) as exc:
        raise UserError(str(exc)) from exc
    try:
        cfg = Config.fromfile(path)
    except (KeyError, TypeError, AttributeError, NameError) as exc:
        raise UserError(f"the config '{path}' cannot be read: {exc.args[0]}") from exc
    if 'model' not in cfg:
        raise UserError(f"'{config}' has no model: is it a config?")
    if _names_mmdet(cfg.to_dict()):
        try:
            require_mmcv_ops('mmdet, which this config uses,')
        except ImportError as exc:
            raise UserError(str(exc)) from exc
    if cfg_options:
        apply_options(cfg, cfg_options)
    cfg.launcher = launcher
    cfg.work_dir = work_dir or cfg.get('work_dir') or str(Path('work_dirs', Path(path).stem))
    return cfg


def _names_mmdet(node: Any) -> bool:
    if isinstance(node, Mapping):
        if node.get('default_scope') == 'mmdet' or str(node.get('type')).startswith('mmdet.'):
            return True
        return any(_names_mmdet(value) for value in node.values())
    return isinstance(node, (list, tuple)) and any(_names_mmdet(value) for value in node)


def _use_amp(cfg: Config) -> None:
    wrapper = cfg.optim_wrapper
    kind = wrapper.get('type', 'OptimWrapper')
    if kind in ('AmpOptimWrapper', 'spikedense.BFloat16OptimWrapper'):
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
def _runner(cfg: Config, show_dir: str | None, strict: bool) -> Iterator[GuardedRunner]:
    """A runner of the config, whose folder is taken back if it fails before it starts."""
    evaluation.set_visualizer(cfg)
    runners: list[GuardedRunner] = []
    with nothing_left_behind(
        cfg.work_dir,
        Path(cfg.filename).name,
        lambda: any(runner.start_hook.started for runner in runners),
    ):
        runner = GuardedRunner.from_cfg(cfg)
        runners.append(runner)
        runner.weight_hook.strict = strict
        if cfg.randomness.get('deterministic'):
            environment.relax_determinism()
        if show_dir is not None:
            runner.register_hook(OverlayHook(show_dir))
        yield runner
