"""Prediction with an exported folder alone: no config, no checkpoint, no network of torch."""

from pathlib import Path
from typing import Any

from mmengine.config import Config
from torch import nn

from spikedense.deploy.onnx_export import MANIFEST
from spikedense.deploy.onnx_runtime import OnnxNetwork
from spikedense.errors import UserError
from spikedense.utils.integer_labels import predict_integer_labels

from .inferencer import Inferencer

_NEEDED = ('library', 'images', 'classes', 'palette')


def open_onnx_inferencer(folder: str | Path) -> Inferencer:
    """Return the inferencer of an exported folder.

    An image that does not have the exported size is resized to fit, and padded.

    Args:
        folder: A folder that ``tools/deployment/export_onnx.py`` has written.

    Returns:
        An inferencer that predicts with ONNX Runtime on the CPU.

    Raises:
        UserError: The folder holds no export, or one that does not tell how to use it.
    """
    network = OnnxNetwork(folder)
    manifest = network.manifest
    missing = [key for key in _NEEDED if key not in manifest]
    if missing:
        raise UserError(
            f"'{Path(folder, MANIFEST)}' has no {', '.join(missing)}, expected an export by "
            'tools/deployment/export_onnx.py of a config with a test set'
        )
    if manifest['kind'] == 'two-stage' or manifest['library'] not in ('mmseg', 'mmdet'):
        raise UserError(
            f"'{folder}' is the export of a {manifest['model']} ({manifest['kind']}), expected a "
            'segmentor, a one-stage detector or a mask classifier: the second stage of a detector '
            'needs its model (see spikedense.deploy.onnx_runtime.run_by_onnx)'
        )
    if (manifest['decoding'].get('test_cfg') or {}).get('mode') == 'slide':
        raise UserError(
            f"'{folder}' is the export of a model with test_cfg.mode='slide', expected 'whole'"
        )
    return _inferencer(network, Path(folder))


def _inferencer(network: OnnxNetwork, folder: Path) -> Inferencer:
    library = network.manifest['library']
    parent: Any
    build: Any
    # Each import loads a library that the other inferencer does not need.
    if library == 'mmseg':
        from .onnx_segmentor import OnnxSegmentor
        from .seg_inferencer import SegInferencer

        parent, build = SegInferencer, OnnxSegmentor
    else:
        from .det_inferencer import DetInferencer
        from .onnx_detector import onnx_detector

        parent, build = DetInferencer, onnx_detector

    class OnnxInferencer(parent):
        """The inferencer of the library with the graphs in place of a model."""

        def _init_model(self, cfg: Config, weights: str | None, device: str = 'cpu') -> nn.Module:
            model = build(network)
            model.cfg = cfg
            model.dataset_meta = _meta(network.manifest)
            predict_integer_labels(model)
            return model.eval()

        def _channels(self) -> int:
            graph = next(iter(network.manifest['graphs'].values()))
            return next(iter(graph['inputs'].values()))[1]

    return OnnxInferencer(_config(network.manifest), folder / MANIFEST, 'cpu')


def _meta(manifest: dict[str, Any]) -> dict[str, Any]:
    names = ('classes', 'thing_classes', 'stuff_classes')
    meta = {key: tuple(manifest[key]) for key in names if key in manifest}
    return dict(meta, palette=[tuple(colour) for colour in manifest['palette']])


def _config(manifest: dict[str, Any]) -> Config:
    """Make the config that an inferencer reads: the test pipeline."""
    library = manifest['library']
    pack: dict[str, Any] = dict(type='PackSegInputs')
    if library == 'mmdet':
        keys = ('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor')
        pack = dict(type='PackDetInputs', meta_keys=keys)
    fit = dict(
        type='spikedense.FitInto',
        size=tuple(manifest['size']),
        enlarge=manifest['images']['resize'],
    )
    load = dict(type='LoadImageFromFile', color_type=manifest['images'].get('color_type', 'color'))
    pipeline = [load, fit, pack]
    content = dict(
        default_scope=library,
        model=dict(type=manifest['model']),
        test_dataloader=dict(dataset=dict(pipeline=pipeline)),
    )
    return Config(content)
