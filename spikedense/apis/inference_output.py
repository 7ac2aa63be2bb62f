"""The files that an inferencer writes: each is whole or not there."""

import json
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from .errors import UserError


class OutputFolder:
    """A folder for the predictions of many images.

    Args:
        root: The folder; made, with those inside, when the first file is written.

    Raises:
        UserError: There is a file in its place.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root).expanduser()
        for path in (self.root, *self.root.parents):
            if path.exists() and not path.is_dir():
                raise UserError(f"out_dir '{root}': '{path}' is a file, expected a folder")

    def write_png(self, name: str, pixels: np.ndarray) -> None:
        """Write a picture or a map.

        Args:
            name: Path below the folder.
            pixels: RGB ``[H, W, 3]``, uint8, or one channel ``[H, W]``, uint8 or uint16.
        """
        ordered = pixels[..., ::-1] if pixels.ndim == 3 else pixels
        self._write(name, cv2.imencode('.png', np.ascontiguousarray(ordered))[1].tobytes())

    def write_json(self, name: str, content: dict[str, Any]) -> None:
        """Write a JSON file.

        Args:
            name: Path below the folder.
            content: Dicts, lists, strings, numbers that are finite.
        """
        text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
        self._write(name, f'{text}\n'.encode())

    def _write(self, name: str, content: bytes) -> None:
        """Write beside the place and rename, so that a killed run leaves no half file."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f'.{path.name}.part')
        try:
            part.write_bytes(content)
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)
