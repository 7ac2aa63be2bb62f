"""What all inferencers share: the way from a config and a checkpoint to predictions on images."""

import itertools
import sys
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

from spikedense.checks.channels import check_channels
from spikedense.checks.checkpoint import checkpoint_for
from spikedense.checks.config import library_of
from spikedense.checks.model import build_model
from spikedense.checks.outputs import check_folder_of_images
from spikedense.checks.widths import check_widths
from spikedense.deploy import as_saved
from spikedense.errors import UserError
from spikedense.utils.images import input_channels
from spikedense.utils.integer_labels import predict_integer_labels
from spikedense.utils.known_names import nearest
from spikedense.weights import load, read_checkpoint, read_state_dict

from .config import dataset_meta, read_config, usable_device
from .inputs import InputImage, list_images
from .model import warn_of_settings, with_our_keys
from .outputs import OutputFolder

Prediction = TypeVar('Prediction')


class Inferencer(BaseInferencer, Generic[Prediction]):
    """The part of an inferencer that is the same for each library.

    A subclass inherits from this class first and from the inferencer of its library second, which
    gives the pipeline and the visualizer. The predictions are those of ``tools/test.py``: the
    images go through the test pipeline without annotations and then through ``model.test_step``.
    Inferencers of different libraries can be used in one process, in any order.

    Args:
        model: Path of a config, name of a model (``'demo'``, ``'spikedense/NAME'``, ``'NAME'``), or
            a config.
        weights: Path or address of a checkpoint that fits the model key by key, or of an official
            one; None means the weights that are at hand for the name.
        device: ``cpu``, ``cuda``, ``cuda:1``...; by default the GPU if there is one.
        cfg_options: Dotted keys and the values that replace those of the config.
        network: The model of the config if it is built already. It gets the weights and is moved
            to the device.

    Attributes:
        left_out: Errors of the files that the last call with ``skip_bad`` has left out.

    Raises:
        UserError: The config is of another library or cannot be used, the checkpoint is missing,
            cannot be read or does not fit, or the device cannot be used.
    """

    #: Default scope of the configs.
    library: str
    #: Names and default values of the further options of :meth:`predict`, numbers from 0 to 1.
    options: dict[str, float]

    def __init__(
        self,
        model: str | Path | Config,
        weights: str | Path | None = None,
        device: str | torch.device | None = None,
        cfg_options: Mapping[str, Any] | None = None,
        network: nn.Module | None = None,
    ) -> None:
        cfg = read_config(model, cfg_options)
        if library_of(cfg) != self.library:
            raise UserError(
                f"'{cfg.filename or 'the config'}' is a config of {cfg.default_scope}, "
                f'{type(self).__name__} takes those of {self.library}'
            )
        self.weights = checkpoint_for(model, weights)
        self._network = network
        self.left_out: list[str] = []
        self._array_numbers = itertools.count()
        with DefaultScope.overwrite_default_scope(self.library):
            # The library does not get the weights, because it would load a part of them without
            # a message; `_init_model` loads them.
            super().__init__(model=cfg, device=usable_device(device), scope=self.library)
        # Found out now, before somebody counts what the model does.
        self.channels = self._channels()

    def __call__(self, inputs: Any, **options: Any) -> list[Prediction]:
        """Predict, and keep all predictions in memory; :meth:`predict` gives them one by one.

        Args:
            inputs: See :meth:`predict`.
            **options: See :meth:`predict`.

        Returns:
            A prediction for each image, in order.
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
        skip_bad: bool = False,
        **options: float,
    ) -> Iterator[Prediction]:
        """Predict image after image.

        All inputs are checked before the first prediction. The check reads the beginning of each
        file; a file that ends too early is found when its turn comes.

        Args:
            inputs: A file, a folder (its images, one level, sorted naturally), a glob pattern, an
                array (uint8, BGR ``[H, W, 3]``, or with the channels of the model), or a list of
                these.
            out_dir: Folder for the files; by default nothing is written.
            batch_size: Number of images in a forward pass. Images of different sizes never share a
                forward pass, so no prediction depends on another image.
            overlays: Whether to draw ``overlays/NAME.png``.
            json: Whether to write ``predictions/NAME.json`` and the maps that it names.
            progress: Whether to show a progress bar on stderr.
            skip_bad: Whether files that cannot be read are left out, each with a note on stderr. By
                default the first one raises an error. :attr:`left_out` names them.
            **options: Values for the names in :attr:`options`.

        Returns:
            An iterator that predicts an image when its prediction is asked for, in order.

        Raises:
            UserError: An input or an option is wrong.
        """
        if batch_size < 1:
            raise UserError(f'batch_size={batch_size}, expected 1 or more')
        options = self._checked_options(options)
        self.left_out = []
        bad = self._leave_out if skip_bad else None
        images = list_images(inputs, self._array_numbers, self.channels, bad)
        folder = None if out_dir is None else OutputFolder(out_dir)
        if out_dir is not None and (overlays or json):
            check_folder_of_images('out_dir', out_dir, [x.path for x in images if x.path])
        batches = self._batches(images, batch_size, bad)
        predictions = self._predict(batches, folder, overlays, json, options)
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
        batches: Iterator[list[tuple[InputImage, dict]]],
        folder: OutputFolder | None,
        overlays: bool,
        json: bool,
        options: dict[str, float],
    ) -> Iterator[Prediction]:
        for batch in batches:
            # The scope ends before the `yield`, because the caller may use another library then.
            with DefaultScope.overwrite_default_scope(self.library):
                samples = self.forward(self.collate_fn([data for _, data in batch]))
            for (image, _), sample in zip(batch, samples, strict=True):
                prediction = self.prediction(image, sample, **options)
                if folder is not None and overlays:
                    overlay = self.draw(image.read_rgb(), sample, **options)
                    folder.write_png(f'overlays/{image.name}.png', overlay)
                if folder is not None and json:
                    self.write(prediction, folder)
                yield prediction

    def _leave_out(self, error: str) -> None:
        self.left_out.append(error)
        print(f'note: left out: {error}', file=sys.stderr, flush=True)

    def _batches(
        self,
        images: Sequence[InputImage],
        batch_size: int,
        bad: Callable[[str], None] | None = None,
    ) -> Iterator[list[tuple[InputImage, dict]]]:
        """Group images that follow each other and have the same size after the test pipeline."""
        batch: list[tuple[InputImage, dict]] = []
        for image in images:
            try:
                data = self._read(image)
            except UserError as exc:
                if bad is None:
                    raise
                bad(str(exc))
                continue
            check_channels(self.model, data['inputs'], image.path or image.name, self.channels)
            full = len(batch) == batch_size
            if batch and (full or data['inputs'].shape != batch[0][1]['inputs'].shape):
                yield batch
                batch = []
            batch.append((image, data))
        if batch:
            yield batch

    def _read(self, image: InputImage) -> dict:
        """Apply the test pipeline to an image."""
        try:
            with DefaultScope.overwrite_default_scope(self.library):
                data = self.pipeline(image.content)
        except (AssertionError, OSError, ValueError, cv2.error) as exc:
            raise UserError(
                f"the test pipeline cannot prepare '{image.path or image.name}': {exc}"
            ) from exc
        return data

    def _init_collate(self, cfg: Config) -> Callable:
        # By default, mmengine looks for the function in a registry that the libraries do not have.
        return super()._init_collate(cfg) if 'collate_fn' in cfg.test_dataloader else pseudo_collate

    def _init_model(self, cfg: Config, weights: str | None, device: str = 'cpu') -> nn.Module:
        """Build the model if it is not built yet, and load all weights or none."""
        checkpoint = with_our_keys(read_checkpoint(self.weights), cfg)
        model: Any = build_model(cfg) if self._network is None else self._network
        check_widths(model)
        model = as_saved(model, checkpoint)
        load(model, read_state_dict(checkpoint), self.weights)
        warn_of_settings(model, checkpoint)
        predict_integer_labels(model)
        model.cfg = cfg
        model.dataset_meta = dataset_meta(cfg, checkpoint, model)
        return model.to(device).eval()

    def _channels(self) -> int:
        """Return the number of channels of the images that the model reads."""
        return input_channels(self.model, default=3)

    @property
    def classes(self) -> list[str]:
        """Names of the classes; the index of a class is its label."""
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
    def prediction(
        self, image: InputImage, sample: BaseDataElement, **options: float
    ) -> Prediction:
        """Turn the output of the model into a plain prediction.

        Args:
            image: The image.
            sample: The data sample that the model gave for the image.
            **options: A value for each name in :attr:`options`.

        Returns:
            The prediction.
        """

    @abstractmethod
    def draw(self, image: np.ndarray, sample: BaseDataElement, **options: float) -> np.ndarray:
        """Draw a prediction over its image.

        Args:
            image: RGB ``[H, W, 3]``, uint8.
            sample: A data sample with a prediction.
            **options: A value for each name in :attr:`options`.

        Returns:
            The picture, RGB ``[H, W, 3]``, uint8.
        """

    @abstractmethod
    def write(self, prediction: Prediction, folder: OutputFolder) -> None:
        """Write the JSON file of a prediction, and the maps that the JSON file names.

        Args:
            prediction: The prediction.
            folder: The folder for the files.
        """
