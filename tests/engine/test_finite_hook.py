"""Losses and gradients that are not finite."""

import math
import multiprocessing
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.optim import OptimWrapper
from stop_runs import Model, tiny_runner
from torch import Tensor, distributed

from spikedense.engine import FiniteHook
from spikedense.errors import UserError

_FORK = multiprocessing.get_context('fork')
_SKIP = dict(type='spikedense.FiniteHook', policy='skip', limit=2)
_SAVES = dict(checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=2, max_keep_ckpts=1))


def _factor(value: float, *calls: int) -> Any:
    """Multiply the images of some training iterations."""
    return lambda mode, call: value if mode == 'loss' and call in calls else None


def _is_finite(model: Any) -> bool:
    return all(value.isfinite().all() for value in model.state_dict().values())


def _weights_are_finite(model: Any) -> bool:
    return all(weight.isfinite().all() for weight in model.parameters())


class _BadGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient * math.inf


class _FiniteLoss(Model):
    """The loss of the third iteration is finite, its gradient is not."""

    def forward(self, inputs: Any, data_samples: Any = None, mode: str = 'loss') -> Any:
        out = super().forward(inputs, data_samples, mode)
        if mode == 'loss' and self.calls['loss'] == 3:
            out['loss_a'] = _BadGradient.apply(out['loss_a'])
        return out


class _InfiniteConstant(Model):
    """The loss of the third iteration is infinite, its gradient is finite."""

    def forward(self, inputs: Any, data_samples: Any = None, mode: str = 'loss') -> Any:
        out = super().forward(inputs, data_samples, mode)
        if mode == 'loss' and self.calls['loss'] == 3:
            out['loss_b'] = out['loss_b'] + math.inf
        return out


@pytest.mark.parametrize('value', [math.nan, math.inf])
@pytest.mark.parametrize('clip', [None, dict(max_norm=1.0)])
def test_the_run_ends_before_the_step(tmp_path: Path, value: float, clip: dict | None) -> None:
    wrapper = dict(optimizer=dict(type='SGD', lr=0.1), clip_grad=clip)
    runner = tiny_runner(tmp_path, _factor(value, 3), optim_wrapper=wrapper, default_hooks=_SAVES)
    said = (
        r"^iteration 3: a loss is not finite \(loss_a=nan, loss_b=0.5\) for the images '4.png', "
        r"'5.png'; the run ends before this step, the newest checkpoint is '.*iter_2.pth'"
    )
    with pytest.raises(UserError, match=said):
        runner.train()
    assert _weights_are_finite(runner.model)
    assert [path.name for path in tmp_path.glob('*.pth')] == ['iter_2.pth']


def test_an_infinite_gradient(tmp_path: Path) -> None:
    runner = tiny_runner(tmp_path, model=_FiniteLoss())
    said = "the gradient of layer.weight, layer.bias, norm.weight and 1 more is not .* '4.png'"
    with pytest.raises(UserError, match=said):
        runner.train()
    assert _weights_are_finite(runner.model)


def test_steps_are_left_out_and_counted(tmp_path: Path) -> None:
    event, schedule = _factor(math.nan, 3, 5), dict(by_epoch=False, max_iters=7)
    runner = tiny_runner(tmp_path, event, custom_hooks=[_SKIP], train_cfg=schedule)
    before: list[dict] = []
    runner.register_hook(_Keep(before))
    runner.train()
    # Weights, momentum and running statistics are those from before iterations 3 and 5.
    for step in (3, 5):
        old, new = before[step - 1], before[step]
        assert all(torch.equal(old[key], new[key]) for key in old)
    assert any(not torch.equal(before[5][key], before[6][key]) for key in before[6])
    assert runner.message_hub.get_info('steps_left_out') == 2
    # A resumed run goes on counting.
    load_from = str(tmp_path / 'iter_7.pth')
    longer = dict(by_epoch=False, max_iters=8)
    resumed = tiny_runner(
        tmp_path,
        _factor(math.nan, 1),
        custom_hooks=[_SKIP],
        train_cfg=longer,
        load_from=load_from,
        resume=True,
    )
    with pytest.raises(UserError, match='limit=2 of FiniteHook is reached'):
        resumed.train()


class _Keep(FiniteHook):
    """Keep the weights and the momentum before each iteration."""

    priority = 'HIGHEST'

    def __init__(self, kept: list[dict]) -> None:
        self.kept = kept

    def before_train(self, runner: Any) -> None: ...

    def after_train(self, runner: Any) -> None: ...

    def before_save_checkpoint(self, runner: Any, checkpoint: dict) -> None: ...

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        state = runner.optim_wrapper.optimizer.state
        moments = {
            f'momentum{index}': one['momentum_buffer'].clone()
            for index, one in enumerate(state.values())
        }
        values = {key: value.clone() for key, value in runner.model.state_dict().items()}
        self.kept.append({**values, **moments})

    def after_train_iter(self, *args: Any, **kwargs: Any) -> None: ...


def test_a_pass_inside_of_an_accumulated_step(tmp_path: Path) -> None:
    wrapper = dict(optimizer=dict(type='SGD', lr=0.1), accumulative_counts=2)
    runner = tiny_runner(
        tmp_path, _factor(math.nan, 3), custom_hooks=[_SKIP], optim_wrapper=wrapper
    )
    runner.train()
    assert _is_finite(runner.model)
    assert runner.message_hub.get_info('steps_left_out') == 1


class _Scaling(OptimWrapper):
    """Leaves out steps with infinite gradients, as AmpOptimWrapper does on a GPU."""

    loss_scaler = None

    def step(self, **kwargs: Any) -> None:
        gradients = [weight.grad for weight in self.optimizer.param_groups[0]['params']]
        if all(gradient.isfinite().all() for gradient in gradients):
            super().step(**kwargs)


def test_a_scaler_may_leave_out_steps(tmp_path: Path) -> None:
    wrapper = dict(type=_Scaling, optimizer=dict(type='SGD', lr=0.1))
    runner = tiny_runner(tmp_path / 'gradient', model=_FiniteLoss(), optim_wrapper=wrapper)
    runner.train()
    assert runner.iter == 8 and _is_finite(runner.model)
    wrapper = dict(type=_Scaling, optimizer=dict(type='SGD', lr=0.1))
    runner = tiny_runner(tmp_path / 'loss', _factor(math.nan, 3), optim_wrapper=wrapper)
    with pytest.raises(UserError, match='iteration 3: a loss is not finite'):
        runner.train()


def test_weights_that_are_not_finite_are_not_saved(tmp_path: Path) -> None:
    runner = tiny_runner(tmp_path, default_hooks=_SAVES)
    runner.register_hook(_Spoil())
    with pytest.raises(UserError, match=r'values of layer\.bias are not finite, .*iter_2\.pth'):
        runner.train()
    assert not (tmp_path / 'iter_4.pth').exists()


class _Spoil(_Keep):
    priority = 'NORMAL'

    def __init__(self) -> None: ...

    def before_train_iter(self, *args: Any, **kwargs: Any) -> None: ...

    def after_train_iter(self, runner: Any, *args: Any, **kwargs: Any) -> None:
        if runner.iter == 3:
            with torch.no_grad():
                runner.model.layer.bias.fill_(math.nan)


@pytest.mark.parametrize('arguments', [dict(policy='go'), dict(limit=0), dict(limit=True)])
def test_wrong_arguments(arguments: dict) -> None:
    with pytest.raises(ValueError, match='expected'):
        FiniteHook(**arguments)


def _rank(rank: int, work_dir: Path, hooks: list, model: Any, pipe: Any) -> None:
    torch.set_num_threads(1)
    store = distributed.FileStore(str(work_dir / 'store'), 2)
    distributed.init_process_group('gloo', store=store, rank=rank, world_size=2)
    os.environ['LOCAL_RANK'] = str(rank)
    runner = tiny_runner(
        work_dir,
        model=model if rank == 1 else Model(),
        custom_hooks=hooks,
        cfg=dict(model_wrapper_cfg=dict(type='MMDistributedDataParallel', device_ids=None)),
        launcher='pytorch',
        train_cfg=dict(by_epoch=False, max_iters=4),
    )
    try:
        runner.train()
    except UserError as error:
        pipe.send(str(error))
    else:
        pipe.send({key: value.tolist() for key, value in runner.model.module.state_dict().items()})


# With finite gradients, only one process knows that its loss is infinite.
@pytest.mark.parametrize('model', [Model(_factor(math.nan, 3)), _InfiniteConstant()])
@pytest.mark.parametrize('hooks', [[], [_SKIP]])
def test_two_processes_decide_alike(tmp_path: Path, model: Any, hooks: list) -> None:
    pipes = [_FORK.Pipe(duplex=False) for _ in range(2)]
    children = [
        _FORK.Process(
            target=_rank, args=(rank, tmp_path, hooks, model, pipes[rank][1]), daemon=True
        )
        for rank in (0, 1)
    ]
    for child in children:
        child.start()
    found = []
    for (receiver, _), child in zip(pipes, children, strict=True):
        assert receiver.poll(60)
        found.append(receiver.recv())
        child.join(60)
    if hooks:
        weights = [{k: v for k, v in one.items() if 'running' not in k} for one in found]
        assert weights[0] == weights[1]
        assert all(math.isfinite(value) for one in found for value in one['norm.running_mean'])
    else:
        assert found[0] == found[1]
        assert "for the images '9.png', '11.png'" in found[0]
