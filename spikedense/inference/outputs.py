"""The files that an inferencer writes."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from spikedense.errors import UserError
from spikedense.utils.files import write_file


class OutputFolder:
    """A folder for the predictions of many images.

    Args:
        root: The folder. It is created when the first file is written.

    Raises:
        UserError: A file has the name of the folder, or of a folder above it.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root).expanduser()
        for path in (self.root, *self.root.parents):
            if path.exists() and not path.is_dir():
                raise UserError(f"out_dir '{root}': '{path}' is a file, expected a folder")

    def write_png(self, name: str, pixels: np.ndarray) -> None:
        """Write a picture or a map.

        Args:
            name: Path of the file below the folder.
            pixels: RGB ``[H, W, 3]``, uint8, or one channel ``[H, W]``, uint8 or uint16.
        """
        ordered = pixels[..., ::-1] if pixels.ndim == 3 else pixels
        self._write(name, cv2.imencode('.png', np.ascontiguousarray(ordered))[1].tobytes())

    def write_json(self, name: str, content: dict[str, Any]) -> None:
        """Write a JSON file.

        Args:
            name: Path of the file below the folder.
            content: Dicts, lists, strings and finite numbers.
        """
        text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
        self._write(name, f'{text}\n'.encode())

    def _write(self, name: str, content: bytes) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, content)
