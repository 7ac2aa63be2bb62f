"""The effective receptive fields of one model."""

import json
import math
import zipfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np

from spikedense.errors import UserError
from spikedense.utils.files import complete_or_absent

from .metrics import spatial_metrics, temporal_metrics

#: Names of the files of a result in its folder.
MAPS_FILE = 'maps.npz'
METRICS_FILE = 'metrics.json'


@dataclass(frozen=True)
class ERFResult:
    """The effective receptive fields of the layers of one model.

    Args:
        model: Name of the model, for legends.
        maps: Layer -> ``[T_in, H, W]`` in float64: ``|gradient|`` of the stimulus at the centre of
            the layer with respect to the input of each time step, as the mean over the input
            channels and the images. An input without a time axis has ``T_in = 1``.
        centers: Layer -> row and column of the stimulus, in input pixels: ``row * H // h`` for a
            map of height h. A stack of convolutions with padding looks at this pixel. The field
            of patches without overlap is centred half a patch further.
        sizes: Layer -> height and width of its own map.
        t_out: Time steps of the output with a stimulus: ``'all'``, ``'last'`` or one index.
        num_images: Number of images.
        inputs: Where the images come from: ``'noise'`` or a folder.
        reduce: Stimulus of the channels: ``'sum'`` (1) or ``'random_sign'`` (+1 or -1).
        neurons: Assumptions: each different neuron, such as ``'NILIF(D=4)'`` -> how many modules of
            this kind there are, and their surrogate gradient. All fields depend on it.
        temporal_maps: Layer -> ``[T_in, H, W]`` of a second run with a stimulus at the last output
            step only; None without such a run.
        distance: What :func:`spikedense.analysis.distance_report.distance_report` returns for the
            attentions of the model; None if they were not measured.
    """

    model: str
    maps: dict[str, np.ndarray]
    centers: dict[str, tuple[int, int]]
    sizes: dict[str, tuple[int, int]]
    t_out: Literal['all', 'last'] | int
    num_images: int
    inputs: str
    reduce: str
    neurons: dict[str, str]
    temporal_maps: dict[str, np.ndarray] | None = None
    distance: dict[str, Any] | None = None

    @property
    def has_delays(self) -> bool:
        """Whether :meth:`temporal` gives a field in time, of two steps or more."""
        return self._no_delays() is None

    def spatial(self, layer: str) -> np.ndarray:
        """Return the field in space, the mean over the input steps.

        Args:
            layer: Name of the layer.

        Returns:
            ``[H, W]``.
        """
        return self.maps[layer].mean(0)

    def temporal(self, layer: str) -> np.ndarray:
        """Return the field in time: the sum over the pixels for each delay.

        ``R(tau) = sum_(i,j) |STERF(i, j, t_out, tau)|`` with ``tau = t_out - s`` for the input step
        ``s``, up to a factor: the mean over channels and images stands for the sum.

        Args:
            layer: Name of the layer.

        Returns:
            ``[t_out + 1]``, from ``tau = 0``.

        Raises:
            ValueError: The stimulus was at all output steps, or the input has no time axis.
        """
        reason = self._no_delays()
        if reason is not None:
            raise ValueError(f"'{self.model}' has no field in time: {reason}")
        maps = self.maps if self.temporal_maps is None else self.temporal_maps
        last = self.t_out if self.temporal_maps is None and isinstance(self.t_out, int) else -1
        steps = maps[layer].sum((1, 2))  # [T_in]
        return steps[last::-1]

    def _no_delays(self) -> str | None:
        """Return why there is no field in time; None if there is one."""
        if self.temporal_maps is None and self.t_out == 'all':
            return "t_out='all', expected a run with a stimulus at one output step, such as 'last'"
        if any(len(steps) == 1 for steps in self.maps.values()):
            return 'its input has one time step, expected two or more'
        return None

    def metrics(self, layer: str) -> dict[str, float]:
        """Return the numbers of a layer; see :mod:`spikedense.analysis.erf.metrics`.

        Args:
            layer: Name of the layer.

        Returns:
            Name -> number: all of the field in space, and those of the field in time if there is
            one. A number may be infinite, and it is ``nan`` if the field is zero everywhere.
        """
        found = spatial_metrics(self.spatial(layer), self.centers[layer])
        return {**found, **temporal_metrics(self.temporal(layer))} if self.has_delays else found

    def save(self, folder: str | Path) -> None:
        """Write ``maps.npz`` and ``metrics.json``, both completely or neither.

        Args:
            folder: The folder; it is created if it is missing.

        Raises:
            UserError: The disk is full or read-only.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        arrays = {f'maps/{name}': steps for name, steps in self.maps.items()}
        arrays |= {f'temporal/{name}': x for name, x in (self.temporal_maps or {}).items()}
        text = json.dumps(self._plain(), indent=2, allow_nan=False) + '\n'
        maps_file, metrics_file = folder / MAPS_FILE, folder / METRICS_FILE
        with complete_or_absent(maps_file) as maps, complete_or_absent(metrics_file) as metrics:
            with maps.open('wb') as file:
                np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
            metrics.write_text(text, encoding='utf-8')

    def _plain(self) -> dict[str, Any]:
        """Return everything but the maps as plain values for JSON."""
        layers = {
            name: dict(
                center=list(self.centers[name]),
                size=list(self.sizes[name]),
                metrics={
                    key: value if math.isfinite(value) else None
                    for key, value in self.metrics(name).items()
                },
            )
            for name in self.maps
        }
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        for key in ('maps', 'temporal_maps', 'centers', 'sizes'):
            del named[key]
        return dict(named, layers=layers)

    @classmethod
    def load(cls, folder: str | Path) -> 'ERFResult':
        """Read what :meth:`save` has written.

        Args:
            folder: The folder.

        Raises:
            UserError: The folder holds no such result.
        """
        try:
            return cls._read(Path(folder))
        except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as exc:
            raise UserError(
                f"'{folder}' holds no receptive fields, expected {METRICS_FILE} and {MAPS_FILE} of "
                f'one run: {exc}'
            ) from exc

    @classmethod
    def _read(cls, folder: Path) -> 'ERFResult':
        named = json.loads((folder / METRICS_FILE).read_text(encoding='utf-8'))
        layers = named.pop('layers')
        with np.load(folder / MAPS_FILE) as arrays:
            maps = {name: arrays[f'maps/{name}'] for name in layers}
            temporal = {
                name: arrays[f'temporal/{name}'] for name in layers if f'temporal/{name}' in arrays
            }
        return cls(
            maps=maps,
            temporal_maps=temporal or None,
            centers={name: tuple(layer['center']) for name, layer in layers.items()},
            sizes={name: tuple(layer['size']) for name, layer in layers.items()},
            **named,
        )
