"""Scenes of the demo set: textured ground, sky and water with overlapping shapes on top.

This module needs NumPy and OpenCV only. Every class has a typical colour and texture. Some objects
have another colour or texture, so a model has to learn shapes as well.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

THING_CLASSES = ('circle', 'square', 'triangle', 'star', 'ring', 'cross')
STUFF_CLASSES = ('sky', 'ground', 'water')
# Things come first, so the index of a class is the same in semantic and panoptic labels.
CLASSES = THING_CLASSES + STUFF_CLASSES
# Not the colours of the objects (THING_LOOKS, and blue, brown and green backgrounds): in a picture,
# a label must not look like the image.
PALETTE = (
    (0, 150, 160),
    (250, 210, 50),
    (115, 70, 200),
    (130, 195, 65),
    (50, 120, 230),
    (225, 50, 110),
    (250, 150, 70),
    (205, 205, 220),
    (120, 60, 45),
)
VOID = 255

# Typical hue (a fraction of the colour circle) and texture of each thing class.
THING_LOOKS = {
    'circle': (0.00, 'radial'),
    'square': (0.62, 'checker'),
    'triangle': (0.14, 'stripes'),
    'star': (0.85, 'speckle'),
    'ring': (0.07, 'plain'),
    'cross': (0.38, 'dots'),
}
TEXTURES = ('plain', 'radial', 'checker', 'stripes', 'speckle', 'dots')
ODD_LOOK = 0.3  # share of objects with a colour or a texture that is not typical of their class
SUPERSAMPLING = 4
MIN_VISIBLE = 0.45  # share of an object that later objects do not cover
MIN_AREA = 1.0 / 400  # share of the image; smaller segments become void

Colour = np.ndarray  # [3], RGB in 0..1


@dataclass
class Scene:
    """One image and its ground truth.

    Attributes:
        image: RGB, uint8, [H, W, 3].
        segments: Segment of each pixel, int32, [H, W]; 0 is void, k is the k-th of ``classes``.
        classes: Class index of segment 1, 2, ...; each stuff class occurs at most once.
    """

    image: np.ndarray
    segments: np.ndarray
    classes: list[int]

    @property
    def semantic(self) -> np.ndarray:
        """Class index of each pixel, uint8, [H, W]; 255 is void."""
        return np.array([VOID] + self.classes, dtype=np.uint8)[self.segments]


def render_scene(rng: np.random.Generator, size: tuple[int, int]) -> Scene:
    """Draw one scene.

    Args:
        rng: Random generator.
        size: Height and width in pixels.

    Returns:
        The image and its ground truth.
    """
    image, stuff = render_stuff(rng, size)
    segments = np.zeros(size, dtype=np.int32)
    classes: list[int] = []
    for index in np.unique(stuff):
        classes.append(int(index))
        segments[stuff == index] = len(classes)
    num_stuff = len(classes)
    full_areas: dict[int, int] = {}
    for _ in range(int(rng.integers(4, 9))):
        kind = THING_CLASSES[int(rng.integers(len(THING_CLASSES)))]
        alpha, frame = _place(rng, kind, size)
        covers = alpha >= 0.5
        visible = np.bincount(segments[~covers], minlength=len(classes) + 1)
        if any(visible[k] < MIN_VISIBLE * area for k, area in full_areas.items()):
            continue
        classes.append(CLASSES.index(kind))
        segments[covers] = len(classes)
        full_areas[len(classes)] = int(covers.sum())
        image = composite(rng, image, alpha, thing_colours(rng, kind, frame))
    segments = _blur_boundaries(rng, segments, num_stuff)
    return Scene(_develop(rng, image), *_drop_remains(segments, classes))


def render_stuff(rng: np.random.Generator, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Draw the background; return an RGB float image [H, W, 3] and class indices [H, W]."""
    height, width = size
    rows = np.arange(height, dtype=np.float32)[:, None] / height
    sky, ground, water = (CLASSES.index(name) for name in STUFF_CLASSES)
    horizon = rng.uniform(0.25, 0.6) + _skyline(rng, width)
    layout = rng.choice(['land', 'sea', 'shore', 'aerial'], p=[0.3, 0.2, 0.35, 0.15])
    labels = np.full(size, water if layout == 'sea' else ground)
    if layout == 'shore':
        shore = horizon + rng.uniform(0.12, 0.3) + _skyline(rng, width)
        near, far = (ground, water) if rng.random() < 0.5 else (water, ground)
        labels = np.where(rows < shore[None], far, near)
    if layout == 'aerial':
        labels = np.where(smooth_noise(rng, size, 3, 3) < 0.1, water, ground)
    else:
        labels = np.where(rows < horizon[None], sky, labels)
    painters = {sky: _paint_sky, ground: _paint_ground, water: _paint_water}
    image = np.zeros((height, width, 3), dtype=np.float32)
    for index in np.unique(labels):
        image[labels == index] = painters[int(index)](rng, size)[labels == index]
    return image, labels


def _skyline(rng: np.random.Generator, width: int) -> np.ndarray:
    """Return a smooth random line around 0, [W], in fractions of the height."""
    return smooth_noise(rng, (1, width), 1, int(rng.integers(2, 6)))[0] * rng.uniform(0.0, 0.07)


def smooth_noise(
    rng: np.random.Generator, size: tuple[int, int], rows: int, cols: int
) -> np.ndarray:
    """Return smooth noise of about -1..1, [H, W], with rows x cols bumps."""
    grid = rng.uniform(-1, 1, (rows + 1, cols + 1)).astype(np.float32)
    return cv2.resize(grid, size[::-1], interpolation=cv2.INTER_CUBIC)


def _hsv(hue: float, saturation: float, value: float) -> Colour:
    """Convert hue, saturation and value in 0..1 to an RGB colour in 0..1 (the hue wraps)."""
    hsv = np.array([[[hue % 1.0 * 360, np.clip(saturation, 0, 1), np.clip(value, 0, 1)]]])
    return cv2.cvtColor(hsv.astype(np.float32), cv2.COLOR_HSV2RGB)[0, 0]


def _mix(first: Colour, second: Colour, weight: np.ndarray) -> np.ndarray:
    """Blend two colours by a weight map [H, W] in 0..1 (clipped) into [H, W, 3]."""
    weight = np.clip(weight, 0, 1)[..., None]
    return (first * (1 - weight) + second * weight).astype(np.float32)


def _paint_sky(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """Paint a vertical gradient with clouds: blue, dusk or overcast."""
    mood = rng.choice(['clear', 'dusk', 'overcast'], p=[0.55, 0.2, 0.25])
    hue, low = {'clear': (0.57, 0.55), 'dusk': (0.68, 0.08), 'overcast': (0.58, 0.58)}[mood]
    grey = 0.15 if mood == 'overcast' else rng.uniform(0.35, 0.65)
    top = _hsv(hue + rng.normal(0, 0.02), grey, rng.uniform(0.55, 0.95))
    bottom = _hsv(low + rng.normal(0, 0.02), grey * 0.6, rng.uniform(0.85, 1.0))
    sky = _mix(top, bottom, np.repeat(np.linspace(0, 1.6, size[0])[:, None], size[1], axis=1))
    clouds = 0.6 * smooth_noise(rng, size, 5, 3) + 0.4 * smooth_noise(rng, size, 14, 8)
    cover = np.clip((clouds - rng.uniform(-0.1, 0.4)) * 1.6, 0, 0.85)[..., None]
    return sky * (1 - cover) + np.float32(0.97) * cover


def _paint_ground(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """Paint grass, soil, sand or paving: rough noise, sometimes with furrows or tiles."""
    hue, saturation = ((0.27, 0.5), (0.08, 0.5), (0.12, 0.35), (0.1, 0.06))[int(rng.integers(4))]
    value = rng.uniform(0.4, 0.75)
    dark = _hsv(hue + rng.normal(0, 0.015), saturation, value * 0.65)
    light = _hsv(hue + rng.normal(0, 0.015), saturation * 0.8, value * 1.2)
    weight = 0.5 + 0.25 * smooth_noise(rng, size, 4, 4) + 0.13 * rng.standard_normal(size)
    pattern = rng.choice(['rough', 'stripes', 'checker'], p=[0.5, 0.25, 0.25])
    if pattern != 'rough':
        frame = local_frame(size, (size[1] / 2, size[0] / 2), min(size) / 8, rng.uniform(0, np.pi))
        weight = weight + 0.3 * (PATTERNS[pattern](rng, *frame) - 0.5)
    return _mix(dark, light, weight)


def _paint_water(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """Paint long horizontal ripples over blue to green-grey water."""
    hue = rng.uniform(0.46, 0.62)
    value = rng.uniform(0.35, 0.7)
    deep = _hsv(hue, rng.uniform(0.45, 0.85), value * 0.75)
    crest = _hsv(hue - 0.03, 0.3, value + 0.3)
    drift = smooth_noise(rng, size, 5, 3)
    rows = np.arange(size[0], dtype=np.float32)[:, None] / size[0]
    ripples = np.sin(2 * np.pi * rng.uniform(9, 16) * rows + 2.5 * drift)
    weight = 0.3 + 0.2 * ripples + 0.25 * smooth_noise(rng, size, 24, 5) + 0.1 * drift
    return _mix(deep, crest, weight)


Frame = tuple[np.ndarray, np.ndarray]


def local_frame(
    size: tuple[int, int], centre: tuple[float, float], radius: float, angle: float
) -> Frame:
    """Return pixel coordinates u, v ([H, W] each) in the rotated unit frame of an object."""
    ys, xs = np.mgrid[: size[0], : size[1]].astype(np.float32)
    xs, ys = (xs - centre[0]) / radius, (ys - centre[1]) / radius
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return cos * xs + sin * ys, cos * ys - sin * xs


def _stripes(rng: np.random.Generator, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return (np.sin(u * rng.uniform(7, 11)) > 0).astype(np.float32)


def _checker(rng: np.random.Generator, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    cell = rng.uniform(1.8, 2.6)
    return ((np.floor(u * cell) + np.floor(v * cell)) % 2).astype(np.float32)


def _dots(rng: np.random.Generator, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    pitch = rng.uniform(2.0, 2.8)
    du, dv = u * pitch % 1 - 0.5, v * pitch % 1 - 0.5
    return (du * du + dv * dv < 0.09).astype(np.float32)


def _radial(rng: np.random.Generator, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    lit = rng.uniform(-0.4, 0.0)
    return np.sqrt((u - lit) ** 2 + (v - lit) ** 2) / 1.3


def _speckle(rng: np.random.Generator, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return (rng.random(u.shape) < 0.3).astype(np.float32)


def _plain(rng: np.random.Generator, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.clip(0.3 * (u + v), 0, 1)


# Each function maps coordinates in an object to the weight of the second colour, [H, W].
Patterns = dict[str, Callable[[np.random.Generator, np.ndarray, np.ndarray], np.ndarray]]
PATTERNS: Patterns = {
    'stripes': _stripes,
    'checker': _checker,
    'dots': _dots,
    'radial': _radial,
    'speckle': _speckle,
    'plain': _plain,
}


def outline(rng: np.random.Generator, kind: str) -> list[np.ndarray]:
    """Return the closed polygons [n, 2] of a shape in its unit frame; a second one is a hole."""
    turns = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    circle = np.stack([np.cos(turns), np.sin(turns)], axis=1)
    if kind == 'circle':
        return [0.85 * circle]
    if kind == 'ring':
        return [circle, rng.uniform(0.45, 0.6) * circle]
    if kind == 'square':
        stretch = rng.uniform(0.85, 1.2)
        return [np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [0.8 * stretch, 0.8 / stretch]]
    if kind == 'triangle':
        turns = np.arange(3) * 2 * np.pi / 3 + rng.uniform(-0.15, 0.15, 3)
        return [1.1 * np.stack([np.cos(turns), np.sin(turns)], axis=1)]
    if kind == 'star':
        turns = np.arange(10) * np.pi / 5
        radii = np.where(np.arange(10) % 2, rng.uniform(0.42, 0.52), 1.15)
        return [radii[:, None] * np.stack([np.cos(turns), np.sin(turns)], axis=1)]
    arm = rng.uniform(0.28, 0.38)
    corner = np.array([[1, -arm], [1, arm], [arm, arm]])
    quarter = np.array([[0, 1], [-1, 0]])
    return [np.concatenate([corner @ np.linalg.matrix_power(quarter, k) for k in range(4)])]


def _place(rng: np.random.Generator, kind: str, size: tuple[int, int]) -> tuple[np.ndarray, Frame]:
    """Choose a pose for a shape; return its coverage [H, W] in 0..1 and its coordinates."""
    radius = min(size) * rng.uniform(0.11, 0.23)
    centre = (rng.uniform(0.08, 0.92) * size[1], rng.uniform(0.12, 0.92) * size[0])
    angle = rng.uniform(0, 2 * np.pi)
    cos, sin = np.cos(angle), np.sin(angle)
    rotation = np.array([[cos, sin], [-sin, cos]])
    canvas = np.zeros((size[0] * SUPERSAMPLING, size[1] * SUPERSAMPLING), dtype=np.uint8)
    for fill, polygon in zip((255, 0), outline(rng, kind), strict=False):
        points = (polygon @ rotation * radius + centre) * SUPERSAMPLING
        cv2.fillPoly(canvas, [np.round(points).astype(np.int32)], fill)
    alpha = cv2.resize(canvas, size[::-1], interpolation=cv2.INTER_AREA)
    return alpha.astype(np.float32) / 255, local_frame(size, centre, radius, angle)


def thing_colours(
    rng: np.random.Generator, kind: str, frame: Frame, patterns: Patterns = PATTERNS
) -> np.ndarray:
    """Paint the surface of an object over the whole image, [H, W, 3]."""
    hue, texture = THING_LOOKS[kind]
    hue += rng.normal(0, 0.035)
    if rng.random() < ODD_LOOK:
        hue = rng.random()
    if rng.random() < ODD_LOOK:
        texture = str(rng.choice(TEXTURES))
    saturation, value = rng.uniform(0.5, 0.95), rng.uniform(0.6, 0.95)
    first = _hsv(hue, saturation, value)
    second = _hsv(hue + rng.normal(0, 0.03), saturation * rng.uniform(0.3, 0.9), value * 0.55)
    if rng.random() < 0.5:
        first, second = second, first
    return _mix(first, second, patterns[texture](rng, *frame))


def composite(
    rng: np.random.Generator, image: np.ndarray, alpha: np.ndarray, surface: np.ndarray
) -> np.ndarray:
    """Draw an object over the image, with a soft shadow."""
    reach = max(1.0, min(alpha.shape) / 64)
    shift = np.array([[1, 0, reach * rng.uniform(0.5, 2)], [0, 1, reach * 1.5]])
    shadow = cv2.warpAffine(alpha, shift, alpha.shape[::-1])
    shadow = cv2.GaussianBlur(shadow, (0, 0), reach)[..., None]
    image = image * (1 - 0.45 * shadow)
    return image * (1 - alpha[..., None]) + surface * alpha[..., None]


def _blur_boundaries(rng: np.random.Generator, segments: np.ndarray, num_stuff: int) -> np.ndarray:
    """Mark the outline of about half of the objects as void, as in hand-made annotations."""
    kernel = np.ones((3, 3), dtype=np.uint8)
    result = segments.copy()
    for index in range(num_stuff + 1, int(segments.max()) + 1):
        if rng.random() < 0.5:
            mask = (segments == index).astype(np.uint8)
            result[cv2.dilate(mask, kernel) != cv2.erode(mask, kernel)] = 0
    return result


def _drop_remains(segments: np.ndarray, classes: list[int]) -> tuple[np.ndarray, list[int]]:
    """Mark segments that are too small as void, and number the others without gaps."""
    areas = np.bincount(segments.ravel(), minlength=len(classes) + 1)
    kept = [k for k in range(1, len(classes) + 1) if areas[k] >= MIN_AREA * segments.size]
    renumber = np.zeros(len(classes) + 1, dtype=np.int32)
    renumber[kept] = np.arange(1, len(kept) + 1)
    return renumber[segments], [classes[k - 1] for k in kept]


def _develop(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Add uneven light, a colour cast and sensor noise; return 8 bits."""
    size = image.shape[:2]
    light = 1 + 0.15 * smooth_noise(rng, size, 2, 2)
    cast = rng.normal(1, 0.04, 3)
    image = image * light[..., None] * cast * rng.uniform(0.85, 1.1)
    image = image + rng.normal(0, rng.uniform(0.01, 0.03), image.shape)
    return np.round(np.clip(image, 0, 1) * 255).astype(np.uint8)
