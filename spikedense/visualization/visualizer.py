"""The visualizer of a config, which draws predictions as the library of the model does."""

import itertools
from typing import Any

from mmengine.config import Config

from spikedense.checks.config import library_of
from spikedense.utils.class_names import class_name

_VISUALIZERS = {
    'mmseg': 'SegLocalVisualizer',
    'mmdet': 'DetLocalVisualizer',
    'mmpretrain': 'UniversalVisualizer',
}
_RUNS = itertools.count()


def set_visualizer(cfg: Config) -> None:
    """Give a config the visualizer of its library, under a name that is new in this process.

    Args:
        cfg: The config, changed in place.
    """
    visualizer: Any = cfg.get('visualizer')
    if not visualizer or class_name(visualizer) == 'Visualizer':
        visualizer = dict(
            type=_VISUALIZERS[library_of(cfg)], vis_backends=[dict(type='LocalVisBackend')]
        )
        cfg.visualizer = visualizer
    # mmengine returns the visualizer of an earlier run that has the same name. The default
    # name contains the start time in seconds, and two runs can start in the same second.
    cfg.visualizer.name = f'visualizer_{next(_RUNS)}'
