"""Integer labels of a segmentor with one output map.

mmseg compares the only map with a threshold and predicts 0.0 and 1.0. A metric counts them, but
whatever uses a label as an index or writes it to a file needs integers.
"""

from collections.abc import Sequence
from typing import Any

from .unwrap import unwrap


def predict_integer_labels(model: Any) -> None:
    """Make a segmentor predict integers, if its head has one output map for two classes.

    Args:
        model: A model, maybe inside a wrapper; changed in place.
    """
    inner = unwrap(model)
    if getattr(inner, 'out_channels', None) != 1:
        return
    inner.register_forward_hook(_rounded)
    # A wrapper for test-time augmentation compares the mean of several maps with the threshold.
    merge = getattr(model, 'merge_preds', None)
    if merge is not None:
        model.merge_preds = lambda samples: _rounded(None, None, merge(samples))


def _rounded(_: Any, __: Any, outputs: Any) -> Any:
    """Change the labels of data samples to integers; a hook, so other outputs stay unchanged."""
    if isinstance(outputs, Sequence):
        for sample in outputs:
            labels = getattr(sample, 'pred_sem_seg', None)
            if labels is not None:
                labels.data = labels.data.long()
    return outputs
