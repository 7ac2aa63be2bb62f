"""The visualizer of a config."""

from mmengine.config import Config

from spikedense.visualization.visualizer import set_visualizer


def test_visualizer_of_the_library() -> None:
    cfg = Config(dict(default_scope='mmdet'))
    set_visualizer(cfg)
    assert cfg.visualizer.type == 'DetLocalVisualizer'
    cfg.visualizer = dict(type='Own', name='visualizer', alpha=0.1)
    set_visualizer(cfg)
    first = cfg.visualizer.pop('name')
    assert cfg.visualizer == dict(type='Own', alpha=0.1)
    set_visualizer(cfg)
    assert len({cfg.visualizer.name, first, 'visualizer'}) == 3, 'each run gets a fresh one'
