"""From a config and a weights file to predictions on images: what all inferencers share."""

import itertools
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.infer import BaseInferencer
from mmengine.registry import DefaultScope
from mmengine.structures import BaseDataElement
from rich.console import Console
from rich.progress import track
from torch import nn

from spikedense.engine.model_check import check_widths
from spikedense.weights import load, read_checkpoint, read_state_dict

from .errors import UserError
from .evaluation import library_of
from .inference_config import dataset_meta, read_config, usable_device
from .inference_inputs import InputImage, list_images
from .inference_output import OutputFolder
from .known_names import nearest
from .work_dir import existing_checkpoint

Prediction = TypeVar('Prediction')


class Inferencer(BaseInferencer, Generic[Prediction]):
    """The part of an inferencer that is the same for each library.

    A subclass names it in front of the library's inferencer, from which model, pipeline and
    visualizer come. Predictions are those of ``tools/test.py``: the test pipeline without
    annotations, then ``model.test_step``. Several inferencers, of different libraries too, can be
    called in turns.

    Args:
        model: Path of a config, name of a shipped one, or a config.
        weights: Checkpoint; it has to fit the model key by key.
        device: ``cpu``, ``cuda``, ``cuda:1``...; by default the GPU where there is one.
        cfg_options: Dotted keys and the values that replace the config's.

    Raises:
        UserError: The config is of another library or cannot be used, the checkpoint is missing,
            cannot be read or does not fit, or the device cannot be used.
    """

    #: Default scope of the configs.
    library: str
    #: What :meth:`predict` takes beside its own arguments, numbers from 0 to 1; the defaults.
    options: dict[str, float]

    def __init__(
        self,
        model: str | Path | Config,
        weights: str | Path,
        device: str | torch.device | None = None,
        cfg_options: Mapping[str, Any] | None = None,
    ) -> None:
        cfg = read_config(model, cfg_options)
        if library_of(cfg) != self.library:
            raise UserError(
                f"'{cfg.filename or 'the config'}' is a config of {cfg.default_scope}, "
                f'{type(self).__name__} takes those of {self.library}'
            )
        self.weights = existing_checkpoint(str(weights))
        self._array_numbers = itertools.count()
        with DefaultScope.overwrite_default_scope(self.library):
            # The library is given no weights, for it would fill a part of a model in silence;
            # `_load_weights_to_model` reads them.
            super().__init__(model=cfg, device=usable_device(device), scope=self.library)

    def __call__(self, inputs: Any, **options: Any) -> list[Prediction]:
        """Predict, and keep all predictions; :meth:`predict` is for what exceeds the memory.

        Args:
            inputs: See :meth:`predict`.
            **options: Those of :meth:`predict`.

        Returns:
            One prediction an image, in order.
        """
        return list(self.predict(inputs, **options))

    def predict(
        self,
        inputs: Any,
        *,
        out_dir: str | Path | None = None,
        batch_size: int = 1,
        overlays: bool = True,
        json: bool = True,
        progress: bool = True,
        **options: float,
    ) -> Iterator[Prediction]:
        """Predict image after image.

        All inputs are looked at before the first one is predicted.

        Args:
            inputs: A file, a folder (its images, one level, sorted naturally), a glob pattern, an
                array (BGR ``[H, W, 3]``, uint8), or a list of these.
            out_dir: Folder for what the next two ask for; by default nothing is written.
            batch_size: Images a forward pass. Neighbours of different size do not share one, so
                that no prediction depends on another image.
            overlays: Whether to draw ``overlays/NAME.png``.
            json: Whether to write ``predictions/NAME.json`` and the maps that it names.
            progress: Whether to show a progress bar on stderr.
            **options: Those of :attr:`options`.

        Returns:
            The predictions, in order, made when asked for.

        Raises:
            UserError: An input is wrong; the message names it.
        """
        if batch_size < 1:
            raise UserError(f'batch_size={batch_size}, expected 1 or more')
        options = self._checked_options(options)
        images = list_images(inputs, self._array_numbers)
        folder = None if out_dir is None else OutputFolder(out_dir)
        predictions = self._predict(images, folder, batch_size, overlays, json, options)
        return iter(
            track(
                predictions,
                description='Inference',
                total=len(images),
                console=Console(stderr=True),
                disable=not progress,
            )
        )

    def _predict(
        self,
        images: Sequence[InputImage],
        folder: OutputFolder | None,
        batch_size: int,
        overlays: bool,
        json: bool,
        options: dict[str, float],
    ) -> Iterator[Prediction]:
        for batch in self._batches(images, batch_size):
            # Left before a prediction is handed out: its reader may call another library.
            with DefaultScope.overwrite_default_scope(self.library):
                samples = self.forward(self.collate_fn([data for _, data in batch]))
            for (image, _), sample in zip(batch, samples, strict=True):
                prediction = self._prediction(image, sample, **options)
                if folder is not None and overlays:
                    overlay = self._draw(image.read_rgb(), sample, **options)
                    folder.write_png(f'overlays/{image.name}.png', overlay)
                if folder is not None and json:
                    self._write(prediction, folder)
                yield prediction

    def _batches(
        self, images: Sequence[InputImage], batch_size: int
    ) -> Iterator[list[tuple[InputImage, dict]]]:
        """Neighbours of the same size, as the network gets them."""
        batch: list[tuple[InputImage, dict]] = []
        for image in images:
            data = self._load(image)
            full = len(batch) == batch_size
            if batch and (full or data['inputs'].shape != batch[0][1]['inputs'].shape):
                yield batch
                batch = []
            batch.append((image, data))
        yield batch

    def _load(self, image: InputImage) -> dict:
        """What the test pipeline makes of an image."""
        try:
            with DefaultScope.overwrite_default_scope(self.library):
                return self.pipeline(image.content)
        except (AssertionError, OSError, ValueError, cv2.error) as exc:
            raise UserError(
                f"the test pipeline cannot prepare '{image.path or image.name}': {exc}"
            ) from exc

    def _init_collate(self, cfg: Config) -> Callable:
        # Without this, mmengine would look for one in a registry that the libraries do not have.
        return super()._init_collate(cfg) if 'collate_fn' in cfg.test_dataloader else pseudo_collate

    def _load_weights_to_model(
        self, model: nn.Module, checkpoint: dict | None, cfg: Config | None
    ) -> None:
        """Fill the model from :attr:`weights`, all of it or not at all."""
        check_widths(model)
        checkpoint = read_checkpoint(self.weights)
        load(model, read_state_dict(checkpoint), self.weights)
        model.dataset_meta = dataset_meta(cfg, checkpoint, model)  # type: ignore[assignment]

    @property
    def classes(self) -> list[str]:
        """Names of the classes, by label."""
        return list(self.model.dataset_meta['classes'])

    def _checked_options(self, given: Mapping[str, float]) -> dict[str, float]:
        for name, value in given.items():
            if name not in self.options:
                raise UserError(
                    f"{type(self).__name__} takes no '{name}'{nearest(name, self.options)}"
                )
            if not 0 <= value <= 1:
                raise UserError(f'{name}={value}, expected a number from 0 to 1')
        return {**self.options, **given}

    @abstractmethod
    def _prediction(
        self, image: InputImage, sample: BaseDataElement, **options: float
    ) -> Prediction:
        """The plain result of an image."""

    @abstractmethod
    def _draw(self, image: np.ndarray, sample: BaseDataElement, **options: float) -> np.ndarray:
        """The prediction over its image, both RGB ``[H, W, 3]``, uint8."""

    @abstractmethod
    def _write(self, prediction: Prediction, folder: OutputFolder) -> None:
        """Write the JSON file of a prediction, and the maps that it names."""


def open_inferencer(
    model: str | Path | Config,
    weights: str | Path,
    device: str | torch.device | None = None,
    cfg_options: Mapping[str, Any] | None = None,
) -> Inferencer:
    """The inferencer for a config, by its ``default_scope``.

    Args:
        model: Path of a config, name of a shipped one, or a config.
        weights: Checkpoint.
        device: See :class:`Inferencer`.
        cfg_options: See :class:`Inferencer`.

    Returns:
        A ``SegInferencer`` or a ``DetInferencer``.

    Raises:
        UserError: The config is of neither library; else as those classes raise it.
    """
    cfg = read_config(model, cfg_options)
    library = library_of(cfg)
    if library == 'mmseg':
        from .seg_inferencer import SegInferencer

        return SegInferencer(cfg, weights, device)
    if library == 'mmdet':
        from .det_inferencer import DetInferencer

        return DetInferencer(cfg, weights, device)
    raise UserError(
        f"default_scope='{library}' in the config; there are inferencers for mmseg and mmdet"
    )
