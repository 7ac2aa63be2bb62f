"""Firing rates of a test run, as a file."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook

from spikedense.analysis.firing import FiringMeter
from spikedense.registry import HOOKS

from .errors import RunError


@HOOKS.register_module()
class FiringRateHook(Hook):
    """Measure how often each neuron fires over the test set.

    Args:
        out_file: JSON file: name of each neuron -> its ``D``, ``rate``, ``active`` and
            ``saturated``, see :class:`spikedense.analysis.firing.FiringStatistics`.
    """

    def __init__(self, out_file: str) -> None:
        self.out_file = Path(out_file)

    def before_run(self, runner: Any) -> None:
        """Refuse what would fail at the end.

        Args:
            runner: The runner.
        """
        if not self.out_file.parent.is_dir():
            raise RunError(f"firing rates: the folder of '{self.out_file}' does not exist")
        try:
            self._meter = FiringMeter(runner.model)
        except ValueError as error:
            raise RunError(f'firing rates: {error}') from error

    def before_test_epoch(self, runner: Any) -> None:
        """Start to watch.

        Args:
            runner: The runner.
        """
        self._meter.__enter__()

    def after_test_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Stop, and write the file.

        Args:
            runner: The runner.
            metrics: Not read.
        """
        self._meter.__exit__(None, None, None)
        statistics = self._meter.statistics()
        if is_main_process():
            content = {name: asdict(of_neuron) for name, of_neuron in statistics.items()}
            self.out_file.write_text(json.dumps(content, indent=2) + '\n', encoding='utf-8')
