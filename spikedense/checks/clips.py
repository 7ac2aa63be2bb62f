"""Do the parts of a model agree on clips?"""

from typing import Any

from spikedense.errors import UserError
from spikedense.utils.unwrap import unwrap


def check_clips(model: Any) -> None:
    """Compare the data preprocessor and the backbone of a model.

    Args:
        model: The model, maybe inside a wrapper.

    Raises:
        UserError: One of both reads clips and the other images, or they differ in the number of
            frames or in the frames with a prediction.
    """
    inner = unwrap(model)
    backbone: Any = getattr(inner, 'backbone', None)
    preprocessor: Any = getattr(inner, 'data_preprocessor', None)
    frames = getattr(preprocessor, 'num_frames', None)
    clips = getattr(backbone, 'clips', False)
    if clips and frames is None:
        raise UserError(
            'model.backbone.clips=True, but model.data_preprocessor is '
            f'{type(preprocessor).__name__}, expected a preprocessor of clips, such as '
            'spikedense.ClipSegDataPreprocessor'
        )
    if frames is None:
        return
    if not clips:
        raise UserError(
            f'model.data_preprocessor is {type(preprocessor).__name__}, expected '
            'model.backbone.clips=True'
        )
    if frames != backbone.T:
        raise UserError(
            f'model.data_preprocessor.num_frames={frames}, but model.backbone.T={backbone.T}, '
            'expected the same number'
        )
    if preprocessor.each_frame != (backbone.out_time == 'frames'):
        expected = "'frames'" if preprocessor.each_frame else "'keep', 'mean' or 'last'"
        raise UserError(
            f'model.backbone.out_time={backbone.out_time!r}, but model.data_preprocessor has '
            f'label_frames={"all" if preprocessor.each_frame else "key"!r}, expected {expected}'
        )


def check_frame_metrics(model: Any, evaluator: Any) -> None:
    """Refuse metrics that count the frames of clips as samples of the data set.

    mmengine keeps as many results as the data set has samples, so it would drop frames in silence.

    Args:
        model: The model, maybe inside a wrapper.
        evaluator: The evaluator of a validation or a test.

    Raises:
        UserError: Each frame has a prediction, and a metric is not made for this.
    """
    if not getattr(getattr(unwrap(model), 'data_preprocessor', None), 'each_frame', False):
        return
    for metric in getattr(evaluator, 'metrics', ()):
        if not getattr(metric, 'each_frame', False):
            raise UserError(
                f"the metric {type(metric).__name__} with label_frames='all' would count a part of "
                'the frames only, expected spikedense.ClipIoUMetric'
            )
