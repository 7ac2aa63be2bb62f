"""Tests a model as its spike-driven twin."""

from typing import Any

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper

from spikedense.deploy import to_spike_inference
from spikedense.registry import HOOKS

from .errors import RunError


@HOOKS.register_module()
class SpikeInferenceHook(Hook):
    """Put the spike-driven twin in the place of the model, once its weights are loaded.

    Every weighted layer behind a neuron then sees binary spikes over T x D steps, see
    :func:`spikedense.deploy.to_spike_inference`.
    """

    def before_test(self, runner: Any) -> None:
        """Convert.

        Args:
            runner: The runner.
        """
        wrapped = is_model_wrapper(runner.model)
        try:
            twin, foldings = to_spike_inference(runner.model.module if wrapped else runner.model)
        except ValueError as error:
            raise RunError(f'spike-driven inference: {error}') from error
        if wrapped:
            runner.model.module = twin
        else:
            runner.model = twin
        for left in (folding for folding in foldings if folding.reason is not None):
            runner.logger.info(f'not folded: {left.what} of {left.where}: {left.reason}')
        runner.logger.info('the model is tested as its spike-driven twin')
