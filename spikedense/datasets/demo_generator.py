"""The demo set on disk: images with semantic, instance and panoptic ground truth, from a seed.

Layout (semantic masks as in ADE20K, the rest as in COCO)::

    demo/
      demo.json                                   parameters, number of files and bytes
      images/{train,val}/{split}_00000.jpg
      annotations/{train,val}/{split}_00000.png   class index 0..8, 255 is void
      annotations/panoptic_{train,val}/*.png      segment id in RGB, 0 is void
      annotations/panoptic_{train,val}.json       COCO panoptic, category id = class index + 1
      annotations/instances_{train,val}.json      COCO instances (RLE), the thing classes only
"""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from .demo_scenes import CLASSES, PALETTE, THING_CLASSES, Scene, render_scene
from .generated_folder import ensure_folder

# Increase it when the same parameters give other pictures or files, to rebuild old folders.
FORMAT = 1
SPLITS = ('train', 'val')
ID_STEP = 1_000_000  # distance between the first image ids of two splits
JPEG_QUALITY = 95
MIN_SIDE = 32
DEMO_FILE = re.compile(
    r'demo\.json'
    r'|(images|annotations)/(panoptic_)?(train|val)/(train|val)_\d+\.(jpg|png)'
    r'|annotations/(instances|panoptic)_(train|val)\.json'
)


@dataclass(frozen=True)
class DemoSpec:
    """The parameters of a demo set.

    Args:
        seed: Seed. Scene i of a split depends on the seed, the split, the size and i only.
        size: Height and width of the images.
        num_train: Number of training images.
        num_val: Number of validation images.
    """

    seed: int = 0
    size: tuple[int, int] = (128, 128)
    num_train: int = 200
    num_val: int = 50

    def __post_init__(self) -> None:
        object.__setattr__(self, 'size', tuple(self.size))
        if len(self.size) != 2 or min(self.size) < MIN_SIDE:
            raise ValueError(
                f'size is {self.size}, expected (height, width) of at least {MIN_SIDE} pixels each.'
            )
        for key, least in (('seed', 0), ('num_train', 1), ('num_val', 1)):
            if getattr(self, key) < least:
                raise ValueError(f'{key} is {getattr(self, key)}, expected {least} or more.')

    def stamp(self) -> dict[str, Any]:
        """Return the parameters as the stamp file contains them."""
        return {'format': FORMAT, **asdict(self), 'size': list(self.size)}


def ensure_demo(
    root: str | Path,
    seed: int = 0,
    size: tuple[int, int] = (128, 128),
    num_train: int = 200,
    num_val: int = 50,
) -> bool:
    """Make sure that ``root`` holds the complete demo set of these parameters.

    Several processes may call this function at once: one process writes, the others wait. The set
    is written beside ``root`` and renamed at the end, so ``root`` is never half-written. A folder
    that lost files or was made from other parameters is replaced.

    Args:
        root: Folder of the demo set.
        seed: See :class:`DemoSpec`.
        size: Height and width.
        num_train: Number of training images.
        num_val: Number of validation images.

    Returns:
        Whether the set was written by this call.

    Raises:
        FileExistsError: ``root`` holds files that are no part of a demo set.
    """
    spec = DemoSpec(seed, size, num_train, num_val)
    return ensure_folder(root, spec.stamp(), DEMO_FILE, lambda new: write_demo(new, spec))


def write_demo(folder: Path, spec: DemoSpec) -> None:
    """Write a demo set into a folder that does not exist yet.

    Args:
        folder: The folder.
        spec: Parameters of the set.
    """
    for split_index, split in enumerate(SPLITS):
        for name in ('images', 'annotations'):
            (folder / name / split).mkdir(parents=True)
        (folder / 'annotations' / f'panoptic_{split}').mkdir()
        images: list[dict] = []
        instances: list[dict] = []
        panoptic: list[dict] = []
        for index in range(getattr(spec, f'num_{split}')):
            rng = np.random.default_rng([spec.seed, split_index, index])
            scene = render_scene(rng, spec.size)
            image_id = split_index * ID_STEP + index + 1
            stem = f'{split}_{index:05d}'
            _save_pictures(folder, split, stem, scene)
            images.append(_image_entry(image_id, stem, spec))
            panoptic.append(_panoptic_entry(image_id, stem, scene))
            instances += _instance_entries(image_id, len(instances) + 1, scene)
        _save_json(folder / f'annotations/instances_{split}.json', images, instances, False)
        _save_json(folder / f'annotations/panoptic_{split}.json', images, panoptic, True)


def _segment_id(scene: Scene, index: int) -> int:
    """Return the id of a segment in panoptic PNGs: the class colour plus the index, as a number."""
    red, green, blue = PALETTE[scene.classes[index - 1]]
    return red + index + 256 * green + 256 * 256 * blue


def _save_pictures(folder: Path, split: str, stem: str, scene: Scene) -> None:
    """Write the image, the semantic mask and the panoptic mask of a scene."""
    Image.fromarray(scene.image).save(
        folder / 'images' / split / f'{stem}.jpg', quality=JPEG_QUALITY, subsampling=0
    )
    Image.fromarray(scene.semantic).save(folder / 'annotations' / split / f'{stem}.png')
    ids = [0] + [_segment_id(scene, k) for k in range(1, len(scene.classes) + 1)]
    colours = np.array([[i % 256, i // 256 % 256, i // 65536] for i in ids], dtype=np.uint8)
    Image.fromarray(colours[scene.segments]).save(
        folder / 'annotations' / f'panoptic_{split}' / f'{stem}.png'
    )


def _image_entry(image_id: int, stem: str, spec: DemoSpec) -> dict:
    height, width = spec.size
    return dict(id=image_id, file_name=f'{stem}.jpg', height=height, width=width)


def _panoptic_entry(image_id: int, stem: str, scene: Scene) -> dict:
    segments = [
        dict(id=_segment_id(scene, k), iscrowd=0, **_category_and_extent(scene, k))
        for k in range(1, len(scene.classes) + 1)
    ]
    return dict(image_id=image_id, file_name=f'{stem}.png', segments_info=segments)


def _instance_entries(image_id: int, first_id: int, scene: Scene) -> list[dict]:
    things = [k for k, c in enumerate(scene.classes, start=1) if c < len(THING_CLASSES)]
    return [
        dict(
            id=first_id + offset,
            image_id=image_id,
            iscrowd=0,
            segmentation=encode_rle(scene.segments == k),
            **_category_and_extent(scene, k),
        )
        for offset, k in enumerate(things)
    ]


def _category_and_extent(scene: Scene, index: int) -> dict:
    """Return category id, area in pixels and tight box [x, y, width, height] of a segment."""
    ys, xs = np.nonzero(scene.segments == index)
    left, top = int(xs.min()), int(ys.min())
    return dict(
        category_id=scene.classes[index - 1] + 1,
        area=len(xs),
        bbox=[left, top, int(xs.max()) - left + 1, int(ys.max()) - top + 1],
    )


def encode_rle(mask: np.ndarray) -> dict:
    """Encode a mask as COCO's uncompressed run lengths.

    Args:
        mask: Boolean, [H, W].

    Returns:
        ``counts`` (lengths of runs down the columns; the first run is of zeros) and ``size``.
    """
    flat = np.concatenate([[False], mask.ravel(order='F'), [False]])
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    counts = np.diff(np.concatenate([[0], edges, [mask.size]]))
    if counts[-1] == 0:
        counts = counts[:-1]
    return dict(counts=counts.tolist(), size=list(mask.shape))


def _save_json(path: Path, images: list[dict], annotations: list[dict], panoptic: bool) -> None:
    """Write a COCO file. Only the panoptic file has stuff categories and colours."""
    categories: list[dict] = []
    for index, name in enumerate(CLASSES):
        is_thing = name in THING_CLASSES
        category = dict(id=index + 1, name=name, supercategory='thing' if is_thing else 'stuff')
        if panoptic:
            category.update(isthing=int(is_thing), color=list(PALETTE[index]))
        if panoptic or is_thing:
            categories.append(category)
    content = dict(images=images, annotations=annotations, categories=categories)
    path.write_text(json.dumps(content, separators=(',', ':')) + '\n')
