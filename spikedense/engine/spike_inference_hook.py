"""The test of a model as its spike-driven twin."""

from typing import Any

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper

from spikedense.deploy import to_spike_inference
from spikedense.errors import UserError
from spikedense.registry import HOOKS


@HOOKS.register_module()
class SpikeInferenceHook(Hook):
    """Replace the model by its spike-driven twin after the weights are loaded.

    In the twin, every weighted layer behind a neuron sees binary spikes over T x D steps; see
    :func:`spikedense.deploy.to_spike_inference`.
    """

    def before_test(self, runner: Any) -> None:
        """Replace the model.

        Args:
            runner: The runner.

        Raises:
            UserError: The model has no spike-driven twin.
        """
        wrapped = is_model_wrapper(runner.model)
        try:
            twin, foldings = to_spike_inference(runner.model.module if wrapped else runner.model)
        except ValueError as error:
            raise UserError(f'spike-driven inference: {error}') from error
        if wrapped:
            runner.model.module = twin
        else:
            runner.model = twin
        for left in (folding for folding in foldings if folding.reason is not None):
            runner.logger.info(f'not folded: {left.what} of {left.where}: {left.reason}')
        runner.logger.info('the model is tested as its spike-driven twin')
