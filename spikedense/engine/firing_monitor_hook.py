"""Firing statistics of a training, sent to the visualizer, and alarms in the log."""

from collections.abc import Mapping
from typing import Any

from mmengine.hooks import Hook

from spikedense.analysis.firing import FiringAlarms, FiringMeter, FiringStatistics, summarise
from spikedense.errors import UserError
from spikedense.registry import HOOKS

#: Keys of the summary of a model that are reported.
_SUMMARY = ('mean_rate', 'dead_units', 'saturated', 'silent_neurons')


@HOOKS.register_module()
class FiringMonitorHook(Hook):
    """Measure firing at every n-th training iteration, over all processes.

    The figures of that iteration go to the backends of the visualizer, for example to
    ``TensorboardVisBackend``: ``firing/mean_rate``, the spikes per element and binary step;
    ``firing/dead_units``, the share of units that emitted nothing; ``firing/saturated``, the share
    of elements at D; ``firing/silent_neurons``, the number of neurons that emitted nothing.

    Args:
        interval: Number of iterations from one measurement to the next.
        alarms: Arguments of :class:`spikedense.analysis.firing.FiringAlarms`. The alarms are logged
            as warnings. An empty dict means the default thresholds, None means no alarms.
        per_neuron: Whether to report ``firing_rate/<name>`` of each neuron too.

    Raises:
        ValueError: The interval or a threshold is not a valid number.
    """

    def __init__(
        self,
        interval: int = 100,
        alarms: Mapping[str, Any] | None = None,
        per_neuron: bool = True,
    ) -> None:
        if not isinstance(interval, int) or isinstance(interval, bool) or interval < 1:
            raise ValueError(f'interval={interval!r}, expected an integer of at least 1')
        self.interval = interval
        self.alarms = None if alarms is None else FiringAlarms.from_config(alarms)
        self.per_neuron = per_neuron

    def before_train(self, runner: Any) -> None:
        """Refuse a model without spiking neurons.

        Args:
            runner: The runner.

        Raises:
            UserError: The model has no spiking neuron.
        """
        try:
            self._meter = FiringMeter(runner.model)
        except ValueError as error:
            raise UserError(f'firing monitor: {error}') from error

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """Start the measurement.

        Args:
            runner: The runner.
            batch_idx: Index of the batch.
            data_batch: Not read.
        """
        if self.every_n_train_iters(runner, self.interval):
            self._meter.reset()
            self._meter.__enter__()

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """End the measurement and report it.

        The backward pass is over by now. The meter does not count the forward passes that
        ``with_cp`` repeats in the backward pass.

        Args:
            runner: The runner.
            batch_idx: Index of the batch.
            data_batch: Not read.
            outputs: Not read.
        """
        if not self.every_n_train_iters(runner, self.interval):
            return
        self._meter.__exit__(None, None, None)
        statistics = self._meter.statistics()
        # Otherwise the counts occupy memory until the next measurement.
        self._meter.reset()
        if not statistics:
            # A compiled model, for example, does not call the hooks of its modules.
            runner.logger.warning(f'firing monitor: no neuron ran in iteration {runner.iter + 1}')
            return
        runner.visualizer.add_scalars(self._scalars(statistics), step=runner.iter + 1)
        for alarm in self.alarms.check(statistics) if self.alarms else []:
            runner.logger.warning(f'iteration {runner.iter + 1}, {alarm}')

    def _scalars(self, statistics: dict[str, FiringStatistics]) -> dict[str, float]:
        summary = summarise(statistics)
        scalars = {f'firing/{key}': summary[key] for key in _SUMMARY}
        if self.per_neuron:
            scalars |= {f'firing_rate/{name}': found.rate for name, found in statistics.items()}
        return scalars
