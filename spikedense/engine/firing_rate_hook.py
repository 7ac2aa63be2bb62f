"""Firing statistics of a test run, as a file."""

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
from spikedense.registry import HOOKS

from .errors import RunError


@HOOKS.register_module()
class FiringRateHook(Hook):
    """Measure how each neuron fires over the test set.

    Args:
        out_file: JSON or CSV file, by its suffix: name of each neuron and the fields of
            :class:`spikedense.analysis.firing.FiringStatistics`.
        alarms: Arguments of :class:`spikedense.analysis.firing.FiringAlarms`, whose findings are
            logged as warnings; an empty dict stands for its defaults, None for no alarms.
    """

    def __init__(self, out_file: str, alarms: Mapping[str, Any] | None = None) -> None:
        self.out_file = Path(out_file)
        self.alarms = None if alarms is None else FiringAlarms.from_config(alarms)

    def before_run(self, runner: Any) -> None:
        """Refuse what would fail at the end.

        Args:
            runner: The runner.
        """
        if not self.out_file.parent.is_dir():
            raise RunError(f"firing rates: the folder of '{self.out_file}' does not exist")
        try:
            require_known_suffix(self.out_file)
            self._meter = FiringMeter(runner.model)
        except ValueError as error:
            raise RunError(f'firing rates: {error}') from error

    def before_test_epoch(self, runner: Any) -> None:
        """Start to watch.

        Args:
            runner: The runner.
        """
        self._meter.reset()
        self._meter.__enter__()

    def after_test_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Stop, write the file and log the alarms.

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
