"""The firing meter: it measures known statistics, and leaves no trace in the model."""

import threading
import weakref
from collections.abc import Callable
from dataclasses import asdict

import pytest
import torch
from firing_statistics import EXPECTED
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from spikedense.analysis.firing import FiringMeter, FiringStatistics
from spikedense.analysis.firing import meter as meter_module
from spikedense.neurons import ILIF, LIF, NILIF, BaseNeuron, EvalClampedNILIF


def net(neuron: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Identity(), nn.Sequential(neuron))


def measured(neuron: nn.Module, *inputs: Tensor) -> FiringStatistics:
    model = net(neuron)
    with FiringMeter(model) as meter:
        for x in inputs:
            model(x)
    return meter.statistics()['1.0']


def approx(expected: FiringStatistics) -> dict:
    return {key: pytest.approx(value) for key, value in asdict(expected).items()}


class Given(BaseNeuron):
    """Emits what it is given, integers over the scale."""

    def run(self, x: Tensor, membrane: Tensor | None) -> tuple[Tensor, Tensor | None]:
        return x / self.norm, None


# Two calls: channels 0 to 3 at three pixels in all; channel 0 is dead, 2 always on.
FIRST = torch.tensor([[0.0, 1, 9, -3], [0, 0, 1, 2]])  # 0 1 4 0, 0 0 1 2
SECOND = torch.tensor([[-1.0, 4, 2, 3]])  # 0 4 2 3


@pytest.mark.parametrize('neuron', [NILIF(D=4), ILIF(D=4), NILIF(D=4, norm=1.0)])
def test_integers_are_counted_over_passes(neuron: nn.Module) -> None:
    found = measured(neuron, FIRST[None], SECOND[None])  # [T=1, N, C]
    assert asdict(found) == approx(EXPECTED)
    assert found.active == pytest.approx(7 / 12)
    assert sum(found.per_level) == pytest.approx(found.mean)


@pytest.mark.parametrize(
    'arrange',
    [
        lambda x: x.T[None, None, :, :, None],  # [T, B, C, H, W]
        lambda x: x[None, None],  # [T, B, Q, C]
        lambda x: x.T[None, None, :, :, None].bfloat16(),
    ],
    ids=['map', 'tokens', 'bfloat16'],
)
def test_units_are_channels(arrange: Callable[[Tensor], Tensor]) -> None:
    assert asdict(measured(NILIF(D=4), arrange(FIRST), arrange(SECOND))) == approx(EXPECTED)


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
@pytest.mark.parametrize('D', [3, 10, 31])
def test_half_precision_hits_the_integers(D: int, dtype: torch.dtype) -> None:
    integers = torch.arange(D + 1, dtype=torch.float32).to(dtype)
    found = measured(NILIF(D=D), integers[None])
    assert found.per_level == pytest.approx([(D + 1 - d) / (D + 1) for d in range(1, D + 1)])


def test_binary_neuron_over_steps() -> None:
    # A leak of a half: an input of 2 reaches the threshold 1 at once, one of 1.5 every second step.
    currents = torch.tensor([[2.0, 1.5, 0]]).expand(4, 5, 3)  # [T, N, C]
    found = measured(LIF(), currents)
    out = LIF()(currents)
    assert out.mean((0, 1)).tolist() == [1, 0.5, 0]
    assert asdict(found) == approx(
        FiringStatistics(
            D=1,
            mean=0.5,
            rate=0.5,
            zeros=0.5,
            saturated=0.5,
            per_step=tuple(out.mean((1, 2)).tolist()),
            per_level=(0.5,),
            units=3,
            dead=1,
            always_on=1,
            elements=60,
        )
    )
    assert found.per_step == pytest.approx([1 / 3, 2 / 3, 1 / 3, 2 / 3])


def test_steps_that_only_some_calls_reach() -> None:
    short, long = torch.tensor([[[3.0]]]), torch.tensor([[[1.0]], [[2.0]], [[0.0]]])
    for inputs in ((short, long), (long, short)):
        found = measured(Given(D=4), *inputs)
        assert found.per_step == (2.0, 2.0, 0.0)
        assert (found.elements, found.mean) == (4, 1.5)


def test_the_largest_integer_is_read_at_each_call() -> None:
    neuron = EvalClampedNILIF(eval_clamp=1, D=4)
    x = torch.tensor([[0.0, 1, 2, 4]])
    found = measured(neuron.eval(), x)
    assert (found.D, found.per_level, found.saturated) == (1, (0.75,), 0.75)
    model = net(neuron)
    with FiringMeter(model) as meter:
        model.eval()(x)
        model.train()(x)
    found = meter.statistics()['1.0']
    assert (found.D, found.saturated, found.mean) == (4, 4 / 8, 10 / 8)


def test_dimensions_below_two() -> None:
    assert measured(Given(D=2), torch.tensor([2.0, 0.0])).units == 1
    assert measured(Given(D=2), torch.tensor([[2.0, 0.0]])).units == 2


def test_only_the_block_is_watched() -> None:
    model = net(NILIF())
    x = torch.full((1, 8), 2.0)
    model(x)
    with FiringMeter(model) as meter:
        model(x)
    before = meter.statistics()
    model(x * 0)
    assert meter.statistics() == before
    assert not model[1][0]._forward_hooks
    meter.reset()
    assert meter.statistics() == {}


@pytest.mark.parametrize('use_reentrant', [True, False])
def test_what_a_checkpoint_runs_again_is_not_counted(use_reentrant: bool) -> None:
    model = net(NILIF())
    x = torch.full((1, 8), 2.0, requires_grad=True)
    calls = []
    model[1][0].register_forward_hook(lambda *_: calls.append(1))
    with FiringMeter(model) as meter:
        # The square needs the spikes, so that none of the recomputation is left out.
        out = checkpoint(lambda y: model(y).square(), x, use_reentrant=use_reentrant)
        out.sum().backward()
    assert len(calls) == 2
    assert meter.statistics()['1.0'].elements == 8


def test_no_tensor_of_a_batch_is_kept() -> None:
    model = net(NILIF())
    kept = []

    def remember(_: nn.Module, inputs: tuple[Tensor], out: Tensor) -> None:
        kept.extend([weakref.ref(inputs[0]), weakref.ref(out)])

    model[1][0].register_forward_hook(remember)
    with FiringMeter(model) as meter:
        x = torch.rand(2, 3, 8, requires_grad=True)
        model(x)
        del x
        assert [reference() for reference in kept] == [None, None]
    (sums,) = meter._sums.values()
    assert not sums.reached.requires_grad
    assert sums.reached.shape == (4, 2, 8)


def test_sums_outlive_inference_mode() -> None:
    model = net(NILIF())
    x = torch.full((1, 8), 2.0)
    with FiringMeter(model) as meter:
        with torch.inference_mode():
            model(x)
        model(x)
    assert meter.statistics()['1.0'].elements == 16


def test_neurons_that_were_not_called_are_left_out() -> None:
    model = nn.ModuleList([NILIF(), NILIF(), NILIF()])
    with FiringMeter(model) as meter:
        model[1](torch.ones(1, 3))
        model[2](torch.ones(1, 0, 3))  # no RoIs
    assert list(meter.statistics()) == ['1']


def test_units_that_change_are_refused() -> None:
    message = r"neuron '1\.0' has 2 units, expected 4 as in another call"
    with pytest.raises(ValueError, match=message):
        measured(NILIF(), torch.ones(1, 4), torch.ones(1, 2))


def test_a_net_without_neurons_is_refused() -> None:
    with pytest.raises(ValueError, match='Sequential has no spiking neuron'):
        FiringMeter(net(nn.ReLU()))


class Processes:
    """Two threads in the place of two processes: each reduction waits for the other's part."""

    def __init__(self) -> None:
        self.parts: dict[int, Tensor] = {}
        self.barrier = threading.Barrier(2, timeout=10)

    def all_reduce(self, data: Tensor, op: str = 'sum') -> None:
        self.parts[threading.get_ident()] = data.clone()
        self.barrier.wait()
        parts = torch.stack(list(self.parts.values()))  # torch refuses unequal shapes
        data.copy_(parts.amax(0) if op == 'max' else parts.sum(0))
        self.barrier.wait()

    def ask(self, meters: list[FiringMeter]) -> list:
        answers: list = [None] * len(meters)

        def ask(rank: int) -> None:
            try:
                answers[rank] = meters[rank].statistics()
            except Exception as error:
                answers[rank] = error

        threads = [threading.Thread(target=ask, args=(rank,)) for rank in range(len(meters))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return answers


def test_processes_that_saw_different_things(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meter_module, 'all_reduce', (processes := Processes()).all_reduce)
    shown = [
        {'0': torch.tensor([[[3.0, 0.0]]]), '1': torch.ones(1, 2, 4)},
        {'0': torch.tensor([[[1.0, 0.0]], [[2.0, 0.0]]])},  # another T, and '1' is not called
    ]
    meters = []
    for inputs in shown:
        model = nn.ModuleList([Given(D=4), Given(D=1), Given(D=1)])
        with FiringMeter(model) as meter:
            for name, x in inputs.items():
                model[int(name)](x)
        meters.append(meter)
    first, second = processes.ask(meters)
    assert first == second
    assert list(first) == ['0', '1']
    assert first['0'].per_step == (1.0, 1.0)
    assert (first['0'].elements, first['0'].dead, first['0'].always_on) == (6, 1, 1)
    assert (first['1'].elements, first['1'].always_on) == (8, 4)


def test_processes_with_other_units_all_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meter_module, 'all_reduce', (processes := Processes()).all_reduce)
    meters = []
    for units in (3, 4):
        model = nn.ModuleList([NILIF()])
        with FiringMeter(model) as meter:
            model[0](torch.ones(1, units))
        meters.append(meter)
    for error in processes.ask(meters):
        assert "neuron '0' has 4 units, expected 3" in str(error)
