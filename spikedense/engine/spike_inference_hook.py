"""The test of a model as its spike-driven twin."""

from typing import Any

from mmengine.hooks import Hook

from spikedense.deploy import to_spike_inference
from spikedense.errors import UserError
from spikedense.registry import HOOKS
from spikedense.utils.unwrap import replace_inner, unwrap


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
            UserError: The model has no spike-driven twin, or is one.
        """
        if getattr(runner, 'twin_loaded', False):
            raise UserError(
                'the checkpoint is that of a spike-driven twin already, expected a test without '
                '--spike-inference, or the checkpoint of the model'
            )
        try:
            twin, foldings = to_spike_inference(unwrap(runner.model))
        except ValueError as error:
            raise UserError(f'spike-driven inference: {error}') from error
        replace_inner(runner, 'model', twin)
        for left in (folding for folding in foldings if folding.reason is not None):
            runner.logger.info(f'not folded: {left.what} of {left.where}: {left.reason}')
        runner.logger.info('the model is tested as its spike-driven twin')
