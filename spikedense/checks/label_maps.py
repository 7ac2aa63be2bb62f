"""The check of the label maps of mmseg's data sets, before the first iteration."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from logging import WARNING
from typing import Any

import numpy as np
from mmengine.logging import print_log

from spikedense.errors import UserError
from spikedense.utils.wording import some_of

from .label_map import LabelMap, LabelReader
from .orientation import describe_turned
from .parts import absent_files, inner_data_sets, is_local, spread, steps_of

_VOID = 255  # of reduce_zero_label and of label_map


@dataclass(frozen=True)
class Ignored:
    """A label that is void for a part of the run.

    Args:
        key: The key of the config, for example ``model.decode_head.ignore_index``.
        label: The label.
    """

    key: str
    label: int


@dataclass(frozen=True)
class LabelUse:
    """What a run does with labels.

    Args:
        ignored: The void label of each head, or of each metric. A label that is no class must be
            void for all of them.
        num_classes: Least number of classes. A head with one output map tells two classes apart,
            whatever the data set says.
        opened: Number of label maps to open; None means all.
    """

    ignored: Sequence[Ignored] = ()
    num_classes: int = 0
    opened: int | None = 64


def has_label_maps(data: Any) -> bool:
    """Tell whether a data set without wrappers is one of mmseg's kind, with a map for an image."""
    return hasattr(data, 'label_map') and hasattr(data, 'get_label_map') and len(data) > 0


def check_label_maps(dataset: Any, use: LabelUse) -> None:
    """Check the label maps of a data set, and warn of classes without a pixel.

    Args:
        dataset: Any data set; those of mmseg's kind are checked, also inside of wrappers.
        use: What the run does with labels.

    Raises:
        UserError: A file cannot be used.
    """
    for data in inner_data_sets(dataset):
        if not has_label_maps(data):
            continue
        reader = LabelReader(steps_of(data))
        if reader.reads:
            entries = [data.get_data_info(i) for i in range(len(data))]
            _check_files(data, entries, reader)
            with ThreadPoolExecutor(4) as pool:
                maps = list(pool.map(reader.read, spread(entries, use.opened)))
            _Judge(data, use, maps).judge()
            turned = [found.turned for found in maps if found.turned is not None]
            if turned:
                opened = f'the {len(maps)} images that were opened of {type(data).__name__}'
                line = describe_turned(turned, opened, 'label maps', reader.image_loader)
                print_log(line, logger='current', level=WARNING)


def _check_files(data: Any, entries: list[dict], reader: LabelReader) -> None:
    for key in ('img_path', 'seg_map_path'):
        if getattr(data, 'backend_args', None) or not reader.is_local:
            continue
        paths = [entry[key] for entry in entries if is_local(entry.get(key))]
        absent = absent_files(paths)
        if absent:
            suffix = 'img_suffix' if key == 'img_path' else 'seg_map_suffix'
            raise UserError(
                f'{len(absent)} of {len(paths)} files that {type(data).__name__} needs in '
                f"data_prefix.{key}='{data.data_prefix.get(key)}' do not exist: {some_of(absent)} "
                f'({suffix}={getattr(data, suffix, None)!r})'
            )


class _Judge:
    """Judges the labels of the maps of one data set.

    Args:
        data: The data set.
        use: What the run does with labels.
        maps: The maps that were opened.
    """

    def __init__(self, data: Any, use: LabelUse, maps: list[LabelMap]) -> None:
        self.data, self.use, self.maps = data, use, maps
        self.name = type(data).__name__
        # In mmdet this is an argument of LoadAnnotations.
        self.reduces = getattr(data, 'reduce_zero_label', False)
        self.classes = data.metainfo.get('classes') or ()
        self.number = max(len(self.classes), use.num_classes)
        self.total = np.sum([m.counts for m in maps], axis=0)
        number = len(maps)
        self.opened = f'the {number} label maps that were opened'
        if number == 1:
            self.opened = 'the one label map that was opened'
        if len(maps) < len(data):
            self.opened += f' (of {len(data)}; --check all opens all)'

    def judge(self) -> None:
        """End the run if the labels do not fit, and warn of what is suspicious."""
        if not self.number:
            return
        self._refuse_masks()
        self._refuse_labels()
        if not self.total[: self.number].any():
            raise UserError(
                f'{self.opened} of {self.name} hold nothing but void, as '
                f"'{self.maps[0].file}'{self._after()}"
            )
        for line in (self._absent_classes(), self._other_palette()):
            if line is not None:
                print_log(line, logger='current', level=WARNING)

    def _refuse_masks(self) -> None:
        """Refuse masks that store the second of two classes as 255."""
        if self.number == 2 and np.flatnonzero(self.total).tolist() == [0, _VOID]:
            file = next(m.file for m in self.maps if m.counts[_VOID])
            raise UserError(
                f"the label map '{file}' holds 255, {self.opened} hold 0 and 255 only, expected 0 "
                f'and 1 for the 2 classes of {self.name}: write 1 in place of 255, or read the '
                "files with dict(type='spikedense.LoadAnnotations', label_map={255: 1}) in place "
                'of LoadAnnotations'
            )

    def _refuse_labels(self) -> None:
        declared = getattr(self.data, 'ignore_index', _VOID)
        ignored = list(self.use.ignored) or [Ignored('ignore_index', declared)]
        other = next((i for i in ignored if i.label != declared), None)
        # 255 is the default, so that it says nothing.
        stated = declared in range(len(self.total)) and declared != _VOID
        if other is not None and stated and self.total[declared]:
            raise UserError(
                f'{other.key}={other.label}, but {self.name} has ignore_index={declared}, a label '
                f'of {self.opened}, expected the same label'
            )
        void = {i.label for i in ignored}
        # The label must be void for every reader.
        allowed = void if len(void) == 1 else set()
        found = np.flatnonzero(self.total).tolist()
        wrong = [label for label in found if label >= self.number and label not in allowed]
        if not wrong:
            return
        misread = [i for i in ignored if any(label != i.label for label in wrong)]
        bad = [m for m in self.maps if m.counts[wrong].any()]
        file = bad[0].file
        here = [label for label in wrong if bad[0].counts[label]]
        voids = ' and '.join(f'{i.label} ({i.key})' for i in misread)
        raise UserError(
            f"the label map '{file}' holds {_listed(here)}{self._after()}, expected 0 to "
            f'{self.number - 1} for the {self.number} classes of {self.name} or, for void, '
            f'{voids}; {len(bad)} of {self.opened} hold such labels: {self._remedy(here)}'
        )

    def _remedy(self, labels: list[int]) -> str:
        label = labels[0]
        ways = []
        if self.number not in labels or len(labels) > 1:
            ways.append('more classes need metainfo.classes and num_classes of the heads')
        else:
            ways.append('a further class needs metainfo.classes and num_classes of the heads')
            if not self.reduces and self.data.label_map is None:
                ways.append(
                    'label 0 becomes void and label k class k - 1 with reduce_zero_label=True'
                )
        ways.append(
            f'a void label needs ignore_index={label} of the heads and the metric, or '
            f"dict(type='spikedense.LoadAnnotations', label_map={{{label}: 255}}) in place of "
            'LoadAnnotations'
        )
        return '; '.join(ways)

    def _after(self) -> str:
        done = ['reduce_zero_label=True'] if self.reduces else []
        done += ['label_map'] if self.data.label_map is not None else []
        return f' after {" and ".join(done)}' if done else ''

    def _absent_classes(self) -> str | None:
        names = [
            name for i, name in enumerate(self.classes) if i < len(self.total) and not self.total[i]
        ]
        if not names:
            return None
        return (
            f'{len(names)} of the {len(self.classes)} classes of {self.name} have no pixel in '
            f'{self.opened}: {some_of(names)}'
        )

    def _other_palette(self) -> str | None:
        """Compare the colours of palette files with the palette of the data set."""
        palette = [tuple(colour) for colour in self.data.metainfo.get('palette') or ()]
        for found in self.maps:
            colours = {k: c for k, c in found.colours.items() if k < len(palette)}
            if not colours or not set(colours.values()) <= set(palette):
                continue
            for label, colour in colours.items():
                if colour != palette[label]:
                    other = self.classes[palette.index(colour)]
                    return (
                        f"the palette file '{found.file}' gives label {label} "
                        f'({self.classes[label]!r}) the colour {colour}, which is that of '
                        f'{other!r} in metainfo.palette; labels are the indices of the file'
                    )
        return None


def _listed(labels: list[int]) -> str:
    noun = 'the label' if len(labels) == 1 else 'the labels'
    return f'{noun} {some_of(map(str, labels))}'
