"""Firing statistics of a test, written to a file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook

from spikedense.analysis.firing import (
    FiringAlarms,
    FiringMeter,
    require_known_suffix,
    write_statistics,
)
from spikedense.errors import UserError
from spikedense.registry import HOOKS


@HOOKS.register_module()
class FiringRateHook(Hook):
    """Measure how each neuron fires over the test set.

    Args:
        out_file: The file, ``.json`` or ``.csv``: the name of each neuron and the fields of
            :class:`spikedense.analysis.firing.FiringStatistics`.
        alarms: Arguments of :class:`spikedense.analysis.firing.FiringAlarms`. The alarms are logged
            as warnings. An empty dict means the default thresholds, None means no alarms.
    """

    def __init__(self, out_file: str, alarms: Mapping[str, Any] | None = None) -> None:
        self.out_file = Path(out_file)
        self.alarms = None if alarms is None else FiringAlarms.from_config(alarms)

    def before_run(self, runner: Any) -> None:
        """Refuse a file that cannot be written and a model without spiking neurons.

        Args:
            runner: The runner.

        Raises:
            UserError: The folder does not exist, the suffix is unknown, or the model has no neuron.
        """
        if not self.out_file.parent.is_dir():
            raise UserError(f"firing rates: the folder of '{self.out_file}' does not exist")
        try:
            require_known_suffix(self.out_file)
            self._meter = FiringMeter(runner.model)
        except ValueError as error:
            raise UserError(f'firing rates: {error}') from error

    def before_test_epoch(self, runner: Any) -> None:
        """Start the measurement.

        Args:
            runner: The runner.
        """
        self._meter.reset()
        self._meter.__enter__()

    def after_test_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """End the measurement, write the file and log the alarms.

        Args:
            runner: The runner.
            metrics: Not read.
        """
        self._meter.__exit__(None, None, None)
        statistics = self._meter.statistics()
        if is_main_process():
            write_statistics(statistics, self.out_file)
        for alarm in self.alarms.check(statistics) if self.alarms else []:
            runner.logger.warning(alarm)
