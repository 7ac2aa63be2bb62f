"""The moving demo set on disk: clips with semantic and instance ground truth, from a seed.

The layout is that of DAVIS, a folder for each clip, with the files of COCO beside::

    demo-video/
      demo.json                                      parameters, number of files and bytes
      frames/{train,val}/{split}_00000/00000.jpg
      annotations/{train,val}/{split}_00000/00000.png  class index 0..9
      annotations/instances_{train,val}.json         COCO instances (RLE) of all frames

An image of the COCO files has ``video_id`` and ``frame_id``, an annotation has ``instance_id``,
which is the number of a thing in all frames of its clip.
"""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from .demo_generator import ID_STEP, MIN_SIDE, SPLITS, encode_rle
from .generated_folder import ensure_folder
from .moving_scenes import CLASSES, THING_CLASSES, Clip, render_clip

# Increase it when the same parameters give other pictures or files, to rebuild old folders.
FORMAT = 1
JPEG_QUALITY = 92
_FRAME = r'(train|val)/(train|val)_\d+/\d+\.'
MOVING_FILE = re.compile(
    rf'demo\.json|frames/{_FRAME}jpg|annotations/({_FRAME}png|instances_(train|val)\.json)'
)


@dataclass(frozen=True)
class MovingSpec:
    """The parameters of a moving demo set.

    Args:
        seed: Seed. Clip i of a split depends on the seed, the split, the size and i only.
        size: Height and width of the frames.
        num_frames: Number of frames of a clip.
        num_train: Number of training clips.
        num_val: Number of validation clips.
    """

    seed: int = 0
    size: tuple[int, int] = (96, 96)
    num_frames: int = 8
    num_train: int = 200
    num_val: int = 40

    def __post_init__(self) -> None:
        object.__setattr__(self, 'size', tuple(self.size))
        if len(self.size) != 2 or min(self.size) < MIN_SIDE:
            raise ValueError(
                f'size is {self.size}, expected (height, width) of at least {MIN_SIDE} pixels each.'
            )
        for key, least in (('seed', 0), ('num_frames', 1), ('num_train', 1), ('num_val', 1)):
            if getattr(self, key) < least:
                raise ValueError(f'{key} is {getattr(self, key)}, expected {least} or more.')

    def stamp(self) -> dict[str, Any]:
        """Return the parameters as the stamp file contains them."""
        return {'moving': FORMAT, **asdict(self), 'size': list(self.size)}


def ensure_moving_demo(root: str | Path, **parameters: Any) -> bool:
    """Make sure that a folder holds the complete moving demo set of these parameters.

    Args:
        root: The folder.
        **parameters: Those of :class:`MovingSpec`.

    Returns:
        Whether the set was written by this call.

    Raises:
        FileExistsError: The folder holds files that are no part of such a set.
    """
    spec = MovingSpec(**parameters)
    return ensure_folder(root, spec.stamp(), MOVING_FILE, lambda new: _write(new, spec))


def _write(folder: Path, spec: MovingSpec) -> None:
    for split_index, split in enumerate(SPLITS):
        images: list[dict] = []
        instances: list[dict] = []
        for index in range(getattr(spec, f'num_{split}')):
            rng = np.random.default_rng([spec.seed, split_index, index])
            clip = render_clip(rng, spec.size, spec.num_frames)
            name = f'{split}_{index:05d}'
            _save_frames(folder, split, name, clip)
            first_id = split_index * ID_STEP + index * spec.num_frames + 1
            for t in range(spec.num_frames):
                images.append(_image_entry(first_id + t, index, t, name, spec))
                instances += _instance_entries(first_id + t, len(instances) + 1, clip, t)
        categories = [dict(id=i + 1, name=name) for i, name in enumerate(THING_CLASSES)]
        content = dict(images=images, annotations=instances, categories=categories)
        text = json.dumps(content, separators=(',', ':')) + '\n'
        (folder / f'annotations/instances_{split}.json').write_text(text)


def _save_frames(folder: Path, split: str, name: str, clip: Clip) -> None:
    frames, labels = (folder / part / split / name for part in ('frames', 'annotations'))
    frames.mkdir(parents=True)
    labels.mkdir(parents=True)
    for t, (image, semantic) in enumerate(zip(clip.images, clip.semantic, strict=True)):
        Image.fromarray(image).save(frames / f'{t:05d}.jpg', quality=JPEG_QUALITY)
        Image.fromarray(semantic).save(labels / f'{t:05d}.png')


def _image_entry(image_id: int, clip: int, t: int, name: str, spec: MovingSpec) -> dict:
    height, width = spec.size
    return dict(
        id=image_id,
        file_name=f'{name}/{t:05d}.jpg',
        height=height,
        width=width,
        video_id=clip + 1,
        frame_id=t,
    )


def _instance_entries(image_id: int, first_id: int, clip: Clip, t: int) -> list[dict]:
    entries: list[dict] = []
    for segment, index in enumerate(clip.classes, start=1):
        mask = clip.segments[t] == segment
        if CLASSES[index] not in THING_CLASSES or not mask.any():
            continue
        ys, xs = np.nonzero(mask)
        left, top = int(xs.min()), int(ys.min())
        entries.append(
            dict(
                id=first_id + len(entries),
                image_id=image_id,
                category_id=index + 1,
                instance_id=segment,
                iscrowd=0,
                area=len(xs),
                bbox=[left, top, int(xs.max()) - left + 1, int(ys.max()) - top + 1],
                segmentation=encode_rle(mask),
            )
        )
    return entries
