"""The check of a checkpoint: does it give its number, with integers and with spikes?"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spikedense.checks.config import open_config
from spikedense.engine import Float64Hook, ImagePrediction, PredictionsHook
from spikedense.errors import UserError
from spikedense.utils.files import sha256_of
from spikedense.utils.metafile import load_metafile

from .launch import test

#: Words of a metafile -> name of the metric in a test, whose values are fractions.
_FRACTIONS = {
    'mask AP': 'segm_mAP',
    'mask AP50': 'segm_mAP_50',
    'box AP': 'bbox_mAP',
    'box AP50': 'bbox_mAP_50',
}
_PATHS = ('integers', 'spikes')


@dataclass(frozen=True)
class Stated:
    """A stated result.

    Args:
        source: Who states the result.
        metrics: Name of each metric -> the number as it is written, for its number of digits.
    """

    source: str
    metrics: dict[str, str]


@dataclass(frozen=True)
class Claim:
    """A stated number and the measured one.

    Args:
        source: Who states the number.
        metric: Name of the metric.
        stated: The stated number.
        found: The number of the integer path; None if a test does not measure it.
        tolerance: Largest accepted difference.
    """

    source: str
    metric: str
    stated: float
    found: float | None
    tolerance: float

    @property
    def holds(self) -> bool:
        """Whether the measured number is the stated one, within the tolerance."""
        # A little more than the tolerance, because 60.3 - 60.2 is above 0.1 in binary numbers.
        return self.found is not None and abs(self.found - self.stated) <= self.tolerance + 1e-9


@dataclass(frozen=True)
class Verification:
    """What a check has found.

    Args:
        sha256: Digest of the checkpoint file.
        precision: ``'float64'`` or ``'float32'``.
        metrics: Name -> value of the integer path and of the spike-driven path.
        claims: The stated numbers.
        images: Number of images.
        differing: Image -> how its two predictions differ; images with equal ones are left out.
    """

    sha256: str
    precision: str
    metrics: dict[str, tuple[float, float]]
    claims: list[Claim]
    images: int
    differing: dict[str, str]

    @property
    def equal(self) -> bool:
        """Whether both paths have the same metrics and predict the same."""
        return not self.differing and all(_same(x, y) for x, y in self.metrics.values())

    @property
    def as_stated(self) -> bool:
        """Whether all numbers of one source hold."""
        measured = [claim for claim in self.claims if claim.found is not None]
        failed = {claim.source for claim in measured if not claim.holds}
        return bool({claim.source for claim in measured} - failed)


def verify(
    config: str,
    checkpoint: str,
    *,
    expect: Mapping[str, str] | None = None,
    tolerance: float | None = None,
    float32: bool = False,
    work_dir: str | None = None,
    cfg_options: Mapping[str, Any] | None = None,
) -> Verification:
    """Test a checkpoint with integers and with spikes, and compare the results with the stated one.

    Args:
        config: Path of a config, or the name of a shipped one.
        checkpoint: Path of the checkpoint.
        expect: Name of a metric -> the stated number as a text; None means the results in the
            ``metafile.yml`` beside the config.
        tolerance: Largest accepted difference from a stated number; None means one unit of the last
            digit of the number.
        float32: Whether to compute in float32, as :func:`test` does: faster, but the two paths add
            in another order, and a rounding error can move a potential over a threshold.
        work_dir: Folder of the logs; by default ``work_dirs/<config name>/verify``.
        cfg_options: Dotted keys and the values that replace those of the config.

    Returns:
        The findings.

    Raises:
        UserError: Nothing is stated, a stated metric is unknown, or the test cannot run.
    """
    cfg = open_config(config, cfg_options)
    stated = _expected(expect) if expect else _of_metafile(Path(cfg.filename))
    digest = _sha256(checkpoint)
    folder = Path(work_dir or Path('work_dirs', Path(cfg.filename).stem, 'verify'))
    metrics: list[dict[str, float]] = []
    predictions: list[list[ImagePrediction]] = []
    claims: list[Claim] = []
    for path in _PATHS:
        kept = PredictionsHook()
        metrics.append(
            test(
                config,
                checkpoint,
                work_dir=str(folder / path),
                cfg_options=cfg_options,
                spike_inference=path == 'spikes',
                hooks=[kept] if float32 else [Float64Hook(), kept],
            )
        )
        predictions.append(kept.predictions)
        # Checked before the spike-driven path, which takes several times as long.
        claims = claims or _claims(stated, metrics[0], tolerance, named=bool(expect))
    by_integers, by_spikes = metrics
    pairs = zip(*predictions, strict=True)
    differences = {mine.image: mine.difference(theirs) for mine, theirs in pairs}
    return Verification(
        sha256=digest,
        precision='float32' if float32 else 'float64',
        metrics={name: (value, by_spikes[name]) for name, value in by_integers.items()},
        claims=claims,
        images=len(predictions[0]),
        differing={image: what for image, what in differences.items() if what},
    )


def _same(x: float, y: float) -> bool:
    """Compare two metrics; a class that does not occur has NaN in both."""
    return x == y or (x != x and y != y)


def _sha256(checkpoint: str) -> str:
    digest = sha256_of(checkpoint)
    if digest is None:
        raise UserError(f"there is no checkpoint '{checkpoint}', expected a file")
    return digest


def _expected(expect: Mapping[str, str]) -> list[Stated]:
    for name, number in expect.items():
        _number(name, number)
    return [Stated('--expect', dict(expect))]


def _of_metafile(config: Path) -> list[Stated]:
    """Read the results of a config from the metafile beside it."""
    metafile = config.with_name('metafile.yml')
    models = load_metafile(metafile)['Models'] if metafile.is_file() else []
    results = [r for model in models if model['Name'] == config.stem for r in model['Results']]
    if not results:
        raise UserError(
            f"no result of '{config.stem}' is in '{metafile}'; expected --expect METRIC=NUMBER"
        )
    return [
        Stated(
            f'result {index} of {metafile.name} ({result["Source"]})',
            {name: str(number) for name, number in result['Metrics'].items()},
        )
        for index, result in enumerate(results, 1)
    ]


def _claims(
    stated: list[Stated], metrics: Mapping[str, float], tolerance: float | None, named: bool
) -> list[Claim]:
    claims = []
    for result in stated:
        for name, written in result.metrics.items():
            found = _measured(name, metrics)
            if found is None and named:
                raise UserError(
                    f"--expect: the test has no metric '{name}', expected one of "
                    f'{", ".join([*metrics, *_FRACTIONS])}'
                )
            unit = 10.0 ** -len(written.partition('.')[2])
            accepted = unit if tolerance is None else tolerance
            claims.append(Claim(result.source, name, _number(name, written), found, accepted))
    if all(claim.found is None for claim in claims):
        names = ', '.join(dict.fromkeys(claim.metric for claim in claims))
        raise UserError(f'the test measures none of {names}; it measures {", ".join(metrics)}')
    return claims


def _number(name: str, written: str) -> float:
    try:
        return float(written)
    except ValueError as error:
        raise UserError(f"{name}='{written}', expected a number") from error


def _measured(name: str, metrics: Mapping[str, float]) -> float | None:
    """Find a metric by its name in the metafiles, or in the test with or without prefix."""
    factor = 100.0 if name in _FRACTIONS else 1.0
    wanted = _FRACTIONS.get(name, name)
    for key, value in metrics.items():
        if wanted in (key, key.rpartition('/')[2]):
            return factor * float(value)
    return None
