"""What a manifest says about the use of exported graphs: images, classes and decoding."""

from typing import Any

from torch import nn

from spikedense.utils.class_names import class_name

#: What the metadata of a data set hold for a prediction.
_NAMES = ('classes', 'palette', 'thing_classes', 'stuff_classes')


def describe_use(model: nn.Module, size: tuple[int, int], kind: str, graphs: dict) -> dict:
    """Describe how images become inputs of the graphs, and outputs predictions.

    Args:
        model: The exported model. ``dataset_meta`` and ``cfg`` are read if the model has them.
        size: Height and width of the input.
        kind: Kind of the model.
        graphs: The graphs of the manifest.

    Returns:
        Entries of the manifest. An entry is missing if the model does not tell it.
    """
    use: dict[str, Any] = {}
    images = _images(getattr(model, 'data_preprocessor', None))
    if images is not None:
        use['images'] = images
    meta = getattr(model, 'dataset_meta', None) or {}
    use.update({key: _plain(meta[key]) for key in _NAMES if meta.get(key)})
    logits = _logits(model, size, kind, graphs)
    if logits is not None:
        use['logits'] = logits
    cfg = getattr(model, 'cfg', None)
    if cfg is not None:
        use['library'] = cfg.get('default_scope')
        images = use.setdefault('images', {})
        images['resize'] = _resizes(cfg)
        images['color_type'] = _color_type(cfg)
        use['decoding'] = {
            key: _plain(cfg.model[key])
            for key in ('bbox_head', 'panoptic_fusion_head', 'test_cfg')
            if cfg.model.get(key)
        }
    return use


def _images(preprocessor: Any) -> dict[str, Any] | None:
    """Describe the preparation of an image that was read as BGR."""
    if preprocessor is None:
        return None
    mean, std = (getattr(preprocessor, name, None) for name in ('mean', 'std'))
    swapped = bool(getattr(preprocessor, '_channel_conversion', False))
    return dict(
        channel_order='RGB' if swapped else 'BGR',
        mean=None if mean is None else mean.flatten().tolist(),
        std=None if std is None else std.flatten().tolist(),
    )


def _logits(
    model: nn.Module, size: tuple[int, int], kind: str, graphs: dict
) -> dict[str, Any] | None:
    """Describe the map of logits or masks: the size of the image is ``stride`` times its size."""
    if kind not in ('plain', 'mask classifier'):
        return None
    outputs = graphs['model']['outputs']
    name = 'logits' if kind == 'plain' else 'masks'
    if len(outputs.get(name, ())) != 4:
        return None
    head = getattr(model, 'decode_head', None)
    return dict(
        output=name,
        stride=size[0] / outputs[name][2],
        align_corners=bool(getattr(head, 'align_corners', False)),
        threshold=getattr(head, 'threshold', None),
    )


def _resizes(cfg: Any) -> bool:
    """Tell whether the test pipeline of a config brings images to a certain size."""
    return any('Resize' in class_name(step) for step in _steps(cfg))


def _color_type(cfg: Any) -> str:
    """Return how the test pipeline of a config reads an image: as mmcv calls it, ``color``..."""
    loaders = [step for step in _steps(cfg) if class_name(step).startswith('LoadImage')]
    return str(loaders[0].get('color_type', 'color')) if loaders else 'color'


def _steps(cfg: Any) -> Any:
    """Return the test pipeline of a config."""
    dataset = (cfg.get('test_dataloader') or {}).get('dataset') or {}
    while 'dataset' in dataset:
        dataset = dataset['dataset']
    return dataset.get('pipeline') or ()


def _plain(value: Any) -> Any:
    """Return a value without the classes of mmengine's configs, for JSON."""
    if isinstance(value, dict):
        return {key: _plain(child) for key, child in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(child) for child in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)
