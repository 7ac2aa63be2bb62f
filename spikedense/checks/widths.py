"""Do the parts of a model read the channels that the parts before them give?"""

from collections.abc import Iterator, Sequence
from typing import Any

from torch import nn

from spikedense.errors import UserError
from spikedense.utils.images import input_channels
from spikedense.utils.trial import trial_run
from spikedense.utils.unwrap import unwrap

from .clips import check_clips
from .feature_maps import trial_image, widths_of

_HEADS = ('decode_head', 'auxiliary_head', 'panoptic_head', 'rpn_head', 'bbox_head', 'head')


def check_widths(model: nn.Module) -> None:
    """Check that each part of a model reads the channels of the part before it.

    The parts are the data preprocessor, the backbone, the neck, the heads, and the parts of a RoI
    head. A backbone that does not tell its channels is run on a small image. A part that can be
    used with other channels than its own is not refused.

    Args:
        model: A model, maybe inside a wrapper.

    Raises:
        UserError: The numbers of maps or their channels differ.
    """
    inner = unwrap(model)
    backbone = getattr(inner, 'backbone', None)
    if not isinstance(backbone, nn.Module):
        return
    check_clips(inner)
    _check_preprocessor(getattr(inner, 'data_preprocessor', None), backbone)
    maps = _Maps(backbone)
    neck = getattr(inner, 'neck', None)
    if isinstance(neck, nn.Module):
        _check_list('neck', neck, getattr(neck, 'in_channels', None), maps)
        maps = maps.behind(neck)
    for name, head in _heads(inner):
        if hasattr(head, 'in_index') and hasattr(head, 'input_transform'):
            _check_decode_head(name, head, maps)
        else:
            # A stock mask classifier does not keep its channels, but its pixel decoder does.
            decoder = getattr(head, 'pixel_decoder', None)
            known = getattr(head, 'in_channels', None) is not None or decoder is None
            reader = head if known else decoder
            _check_list(name, reader, _wanted(reader), maps)
    roi_head = getattr(inner, 'roi_head', None)
    if roi_head is not None:
        _check_roi_head(roi_head, maps)


class _Maps:
    """The maps that a part gives to the next one.

    Args:
        source: The part.
        before: The maps that the part gets; None for a backbone, which gets an image.
    """

    def __init__(self, source: nn.Module, before: '_Maps | None' = None) -> None:
        self._source, self._before = source, before
        self._values: Any = None
        self._ran = False
        self.name = 'backbone' if before is None else 'neck'
        self.indices = getattr(source, 'out_indices', None) if before is None else None

    def behind(self, neck: nn.Module) -> '_Maps':
        return _Maps(neck, self)

    @property
    def values(self) -> Any:
        """The maps of a trial run; None if the run fails."""
        if not self._ran:
            self._ran = True
            image = trial_image(self._source) if self._before is None else self._before.values
            self._values = None if image is None else trial_run(self._source, image)
        return self._values

    @property
    def widths(self) -> list[int] | None:
        """The channels; None if they are not known."""
        told = getattr(self._source, 'out_channels', None)
        if self._before is None and isinstance(told, list | tuple):
            return list(told)
        number = getattr(self._source, 'num_outs', None)
        if isinstance(told, int) and isinstance(number, int):
            return [told] * number
        return widths_of(self.values)

    def __str__(self) -> str:
        with_indices = '' if self.indices is None else f'with out_indices={tuple(self.indices)} '
        return f'{with_indices}the {self.name} gives {self.widths}'


def _heads(model: Any) -> Iterator[tuple[str, Any]]:
    """Give the heads of a model by their keys in a config."""
    for name in _HEADS:
        head = getattr(model, name, None)
        if isinstance(head, nn.ModuleList):
            yield from ((f'{name}.{index}', one) for index, one in enumerate(head))
        elif isinstance(head, nn.Module):
            yield name, head


def _check_preprocessor(preprocessor: Any, backbone: nn.Module) -> None:
    """Check mean, std and the order of the channels against the images of the backbone."""
    try:
        channels = input_channels(backbone)
    except ValueError:
        return
    for name in ('mean', 'std'):
        value = getattr(preprocessor, name, None)
        if value is not None and value.numel() not in (1, channels):
            raise UserError(
                f'model.data_preprocessor.{name} has {value.numel()} values, expected 1'
                f'{" or 3" if channels == 3 else ""}, because the backbone reads images of '
                f'{channels} channel(s)'
            )
    if channels == 3 or not getattr(preprocessor, '_channel_conversion', False):
        return
    raise UserError(
        'model.data_preprocessor swaps the channels of colour images (bgr_to_rgb or rgb_to_bgr), '
        f'expected bgr_to_rgb=False, because the backbone reads images of {channels} channel(s)'
    )


def _check_list(name: str, part: Any, wanted: Any, maps: _Maps) -> None:
    """Check a part that reads all maps: a list of channels, or one number for all maps."""
    if not isinstance(wanted, int | list | tuple) or isinstance(part, nn.Sequential):
        return
    given = maps.widths
    if given is None or _fit(wanted, given):
        return
    # A part may read some of the maps only, or be without a use of its channels.
    if maps.values is None or trial_run(part, maps.values) is not None:
        return
    shown = list(wanted) if isinstance(wanted, list | tuple) else wanted
    raise UserError(f'model.{name}.in_channels={shown}, but {maps}')


def _fit(wanted: Any, given: Sequence[int]) -> bool:
    return set(given) == {wanted} if isinstance(wanted, int) else list(wanted) == list(given)


def _wanted(part: Any) -> Any:
    """Return the channels that a head or a pixel decoder reads; None if it does not tell them."""
    told = getattr(part, 'in_channels', None)
    convs = [getattr(part, key, None) for key in ('lateral_convs', 'input_convs')]
    if told is not None or not all(isinstance(found, nn.ModuleList) for found in convs):
        return told
    # mmdet lists the input convolutions from the coarsest map on.
    layers = [*convs[0], *reversed(convs[1])]  # type: ignore[arg-type, misc]
    return [layer.conv.in_channels for layer in layers]


def _check_decode_head(name: str, head: Any, maps: _Maps) -> None:
    """Check a head of mmseg, which says which of the maps it reads."""
    given = maps.widths
    if given is None:
        return
    indices = [head.in_index] if isinstance(head.in_index, int) else list(head.in_index)
    if any(not -len(given) <= index < len(given) for index in indices):
        raise UserError(f'model.{name}.in_index={head.in_index}, but {maps}')
    read = [given[index] for index in indices]
    wanted = head.in_channels
    concat = head.input_transform == 'resize_concat'
    # mmseg keeps the sum of the channels that are concatenated.
    expected = [sum(read)] if concat else read
    if ([wanted] if isinstance(wanted, int) else list(wanted)) != expected:
        key = f'model.{name}.in_channels'
        shown = f'the sum of {key} is {wanted}' if concat else f'{key}={wanted}'
        raise UserError(f'{shown}, but {maps}, and in_index={head.in_index} reads {read}')


def _check_roi_head(roi_head: Any, maps: _Maps) -> None:
    """Check the parts of a RoI head: extractors against the maps, heads against extractors."""
    given = maps.widths
    for kind in ('bbox', 'mask'):
        shared = kind == 'mask' and getattr(roi_head, 'share_roi_extractor', False)
        extractor = getattr(roi_head, f'{"bbox" if shared else kind}_roi_extractor', None)
        width = getattr(extractor, 'out_channels', None)
        if not isinstance(width, int):
            continue
        number = getattr(extractor, 'num_inputs', 0)
        if given is not None and set(given[:number]) != {width}:
            raise UserError(
                f'model.roi_head.{kind}_roi_extractor.out_channels={width}, but {maps}, of which '
                f'it reads {number}'
            )
        wanted = getattr(getattr(roi_head, f'{kind}_head', None), 'in_channels', None)
        if isinstance(wanted, int) and wanted != width:
            raise UserError(
                f'model.roi_head.{kind}_head.in_channels={wanted}, but its RoI extractor gives '
                f'{width} channels'
            )
