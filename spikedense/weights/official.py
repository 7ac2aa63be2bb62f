"""Official checkpoints without a converted file: recognised by their keys, converted in memory."""

from collections.abc import Mapping

from torch import Tensor

from spikedense.converters import ConversionReport, convert_state_dict, recognised_families
from spikedense.errors import UserError
from spikedense.utils.files import sha256_of
from spikedense.utils.wording import some_of

#: Key of the origin of converted weights in the ``meta`` of a checkpoint.
CONVERTED_FROM = 'converted_from'


def convert_official(
    state: Mapping[str, Tensor], source: str, part: str = 'all'
) -> ConversionReport | None:
    """Convert a state dict with the keys of official code, strictly.

    Args:
        state: The state dict, without ``module.`` in front of its keys.
        source: File of the state dict, for the message.
        part: ``'all'``, or ``'backbone'`` for the backbone alone, see :func:`convert_state_dict`.

    Returns:
        The report; None if no family recognises the keys, as those of this package.

    Raises:
        UserError: No rule knows one of the keys.
    """
    if not recognised_families(state):
        return None
    report = convert_state_dict(state, part=part)
    if report.unexpected:
        raise UserError(
            f"the checkpoint '{source}' has official keys ({', '.join(report.families)}) and "
            f'{len(report.unexpected)} keys that no rule knows: {some_of(report.unexpected)}'
        )
    return report


def describe_official(report: ConversionReport, source: str) -> str:
    """Tell where converted weights come from, in one line.

    Args:
        report: The report of the conversion.
        source: Path or address of the file. Only of a file on the disk the checksum is told.

    Returns:
        The families, the sha256 of the file, and how many keys were taken and left out.
    """
    checksum = sha256_of(source)
    facts = [', '.join(report.families), *([] if checksum is None else [f'sha256 {checksum}'])]
    left_out = f' ({some_of(report.dropped)})' if report.dropped else ''
    return (
        f"official checkpoint '{source}' ({'; '.join(facts)}): {len(report.names)} keys converted, "
        f'{len(report.dropped)} left out{left_out}'
    )
