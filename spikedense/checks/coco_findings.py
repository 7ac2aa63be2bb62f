"""What the check of a COCO file finds: faults that end a run, and what mmdet leaves out."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from spikedense.errors import UserError
from spikedense.utils.wording import some_of

_LISTED = 5
_SHOWN_CHARACTERS = 60


@dataclass(frozen=True)
class CocoUse:
    """What a data set takes from its COCO file.

    Args:
        file: The file's name, for messages.
        classes: Names of the classes, in the order of the labels.
        panoptic: Whether annotations have segments, with masks in PNGs; else they are instances.
        masks: Whether masks are read from ``segmentation``.
        rle: Whether masks may be run-length codes; if not, mmdet ignores instances with such a
            mask.
        test_mode: Whether images without annotations are always kept.
        filter_empty: Whether images without an annotation of the classes are left out.
        min_size: Images with a side below this are left out.
        judged: Whether a metric reads the file, which skips no annotation.
    """

    file: str
    classes: tuple[str, ...]
    panoptic: bool = False
    masks: bool = False
    rle: bool = True
    test_mode: bool = False
    filter_empty: bool = False
    min_size: float = 0
    judged: bool = False


class Findings:
    """What was found in one file.

    Args:
        file: Name of the file.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self.skipped: Counter[str] = Counter()
        self.other_classes: Counter[str] = Counter()
        self.absent_classes: list[str] = []
        self.used_images: list[dict] = []
        self._faults: list[str] = []
        self._number = 0

    def fault(self, where: str, what: str) -> None:
        """Record a fault.

        Args:
            where: The entry, for example ``annotation 3 of 'a.jpg'``.
            what: The key, the value found and what was expected.
        """
        self._number += 1
        if len(self._faults) < _LISTED:
            self._faults.append(f'{where}: {what}')

    def end_on_fault(self) -> None:
        """Raise an error if a fault was found so far.

        Raises:
            UserError: There are faults. The message lists five of them and counts the others.
        """
        if not self._number:
            return
        more = self._number - len(self._faults)
        number = '' if self._number == 1 else f' has {self._number} defects'
        rest = f'; and {more} more' if more else ''
        raise UserError(f"'{self.file}'{number}: {'; '.join(self._faults)}{rest}")

    def skips(self) -> str | None:
        """Return a line about the annotations that mmdet leaves out or ignores, or None."""
        if not self.skipped:
            return None
        reasons = ', '.join(f'{number} {reason}' for reason, number in self.skipped.items())
        number = sum(self.skipped.values())
        return f"'{self.file}': {number} annotation{'s' * (number > 1)} not learnt: {reasons}"

    def warnings(self) -> list[str]:
        """Return lines about classes that only the file or only the data set has."""
        lines = []
        if self.other_classes:
            names = [f'{name} ({number})' for name, number in self.other_classes.most_common()]
            number = sum(self.other_classes.values())
            lines.append(
                f"'{self.file}': {number} annotation{'s' * (number > 1)} skipped, of categories "
                f'that are none of the classes: {some_of(names)}'
            )
        if self.absent_classes:
            lines.append(
                f"'{self.file}' has no category for {len(self.absent_classes)} of the classes "
                f'({some_of(self.absent_classes)}): metrics that read this file cannot judge them'
            )
        return lines


def shown(value: Any) -> str:
    """Return a value as text for a message.

    Args:
        value: Anything.

    Returns:
        The ``repr`` of the value, cut to 60 characters.
    """
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 3] + '...'


def lacking(entry: Any, keys: frozenset[str]) -> str | None:
    """Name the keys that an entry of a COCO file lacks.

    Args:
        entry: The entry.
        keys: The keys that the entry needs.

    Returns:
        The fault as half a sentence, or None.
    """
    if not isinstance(entry, dict):
        return f'found {shown(entry)}, expected an object'
    if keys <= entry.keys():
        return None
    absent = ', '.join(repr(key) for key in sorted(keys - entry.keys()))
    return f'it has no {absent}, which mmdet reads'
