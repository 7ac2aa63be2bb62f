"""Moving scenes of the video demo set: the shapes of the demo set, which move, turn and scale.

Each thing moves by a law of its own. Two classes look alike, a cross of the same colours: a
``drifter`` slides along a line and does not turn, a ``spinner`` turns on its place. Their places,
sizes and angles have the same distribution in every frame: both start anywhere at any angle, and a
drifter bounces at the border of its field. So one frame does not tell one from the other.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from . import demo_scenes as still

MOTION_CLASSES = ('drifter', 'spinner')
SHAPES = tuple(name for name in still.THING_CLASSES if name != 'cross')
#: Things first, as in the demo set.
THING_CLASSES = (*SHAPES, *MOTION_CLASSES)
CLASSES = (*THING_CLASSES, *still.STUFF_CLASSES)
_COLOURS = dict(zip(still.CLASSES, still.PALETTE, strict=True))
PALETTE = tuple(
    {**_COLOURS, 'drifter': _COLOURS['cross'], 'spinner': (255, 255, 255)}[name] for name in CLASSES
)
#: Part of the image, along each side, in which the centres of things stay.
_FIELD = (0.1, 0.9)
#: Speckles that move with their object: side of a speckle in units of the radius.
_SPECKLE = 0.09


@dataclass
class Clip:
    """The frames of a scene and their ground truth.

    Attributes:
        images: RGB, uint8, [T, H, W, 3].
        segments: Segment of each pixel, int32, [T, H, W]; k is the k-th of ``classes``, counted
            from 1. A segment keeps its number over time.
        classes: Class index of segment 1, 2, ...; stuff classes come first, each at most once.
    """

    images: np.ndarray
    segments: np.ndarray
    classes: list[int]

    @property
    def semantic(self) -> np.ndarray:
        """Class index of each pixel, uint8, [T, H, W]."""
        return np.array([still.VOID] + self.classes, dtype=np.uint8)[self.segments]


@dataclass(frozen=True)
class Thing:
    """A thing and the law of its motion; lengths are fractions of the shorter side.

    Attributes:
        name: Class.
        look: Seed of its outline and its surface.
        radius, angle: Size and angle (in radians) in the first frame.
        centre: Row and column in the first frame, as fractions of height and width.
        velocity: Rows and columns a frame, as fractions of height and width.
        spin: Angle a frame.
        growth: Factor of the size between the first and the largest frame.
        phase: Where in a period of growing and shrinking the first frame is, in radians.
    """

    name: str
    look: int
    radius: float
    angle: float
    centre: tuple[float, float]
    velocity: tuple[float, float] = (0.0, 0.0)
    spin: float = 0.0
    growth: float = 0.0
    phase: float = 0.0

    def pose(self, t: float) -> tuple[tuple[float, float], float, float]:
        """Return centre, radius and angle at a time, in frames."""
        centre = tuple(
            bounce(at + v * t, *_FIELD) for at, v in zip(self.centre, self.velocity, strict=True)
        )
        radius = self.radius * (1 + self.growth * np.sin(self.phase + 0.35 * t))
        return (centre[0], centre[1]), float(radius), self.angle + self.spin * t


def bounce(x: float, low: float, high: float) -> float:
    """Reflect a coordinate at both ends of an interval; uniform starts stay uniform."""
    span = high - low
    return low + span - abs((x - low) % (2 * span) - span)


def draw_things(rng: np.random.Generator) -> list[Thing]:
    """Choose the things of a scene, from the farthest to the nearest.

    Args:
        rng: Random generator.

    Returns:
        At least one cross of each motion class, and some shapes.
    """
    kinds = [*MOTION_CLASSES, *rng.choice(MOTION_CLASSES, rng.integers(0, 2))]
    kinds += list(rng.choice(SHAPES, rng.integers(2, 4)))
    return [draw_thing(rng, str(kind)) for kind in rng.permutation(kinds)]


def draw_thing(rng: np.random.Generator, kind: str) -> Thing:
    """Choose place, size, look and motion of a thing.

    Of both motion classes, the same random numbers give the same thing in the first frame.
    """
    look = int(rng.integers(2**31))
    radius, angle = rng.uniform(0.11, 0.2), rng.uniform(0, 2 * np.pi)
    centre = (rng.uniform(*_FIELD), rng.uniform(*_FIELD))
    course, speed = rng.uniform(0, 2 * np.pi), rng.uniform(0.03, 0.055)
    spin = rng.uniform(0.2, 0.4) * rng.choice((-1, 1))
    velocity = (speed * np.sin(course), speed * np.cos(course))
    at_start = (kind, look, radius, angle, centre)
    if kind == 'drifter':
        return Thing(*at_start, velocity=velocity)
    if kind == 'spinner':
        return Thing(*at_start, spin=spin)
    # The other shapes do some of everything, so that no motion tells their class.
    slow, turn, growth = rng.uniform(0, 1), rng.choice((0, 0.5, 1)), rng.uniform(0, 0.3)
    velocity = (slow * velocity[0], slow * velocity[1])
    return Thing(*at_start, velocity, turn * spin, growth, rng.uniform(0, 2 * np.pi))


def render_clip(rng: np.random.Generator, size: tuple[int, int], num_frames: int) -> Clip:
    """Draw the frames of one scene.

    Args:
        rng: Random generator.
        size: Height and width in pixels.
        num_frames: Number of frames T.

    Returns:
        The frames and their ground truth.
    """
    background, stuff = still.render_stuff(rng, size)
    things = draw_things(rng)
    light = 1 + 0.15 * still.smooth_noise(rng, size, 2, 2)[..., None]
    light = light * rng.normal(1, 0.04, 3) * rng.uniform(0.85, 1.1)
    noise = rng.uniform(0.01, 0.03)
    present = np.unique(stuff)
    classes = [CLASSES.index(still.CLASSES[int(index)]) for index in present]
    classes += [CLASSES.index(thing.name) for thing in things]
    floor = np.searchsorted(present, stuff).astype(np.int32) + 1
    images, segments = [], []
    for t in range(num_frames):
        image, labels = background, floor.copy()
        for index, thing in enumerate(things, start=len(present) + 1):
            alpha, surface = render_thing(thing, t, size)
            labels[alpha >= 0.5] = index
            shadow_of = np.random.default_rng(thing.look)
            image = still.composite(shadow_of, image, alpha, surface)
        image = image * light + rng.normal(0, noise, image.shape)
        images.append(np.round(np.clip(image, 0, 1) * 255).astype(np.uint8))
        segments.append(labels)
    return Clip(np.stack(images), np.stack(segments), classes)


def render_thing(thing: Thing, t: float, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Draw a thing at a time.

    Args:
        thing: The thing.
        t: The time in frames.
        size: Height and width of the image.

    Returns:
        Coverage [H, W] in 0..1, and the surface over the whole image, [H, W, 3].
    """
    (row, column), radius, angle = thing.pose(t)
    centre, radius = (column * size[1], row * size[0]), radius * min(size)
    kind = 'cross' if thing.name in MOTION_CLASSES else thing.name
    rng = np.random.default_rng(thing.look)
    polygons = still.outline(rng, kind)
    cos, sin = np.cos(angle), np.sin(angle)
    rotation = np.array([[cos, sin], [-sin, cos]])
    scale = still.SUPERSAMPLING
    canvas = np.zeros((size[0] * scale, size[1] * scale), dtype=np.uint8)
    for fill, polygon in zip((255, 0), polygons, strict=False):
        points = (polygon @ rotation * radius + centre) * scale
        cv2.fillPoly(canvas, [np.round(points).astype(np.int32)], fill)
    alpha = cv2.resize(canvas, size[::-1], interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    frame = still.local_frame(size, centre, radius, angle)
    return alpha, still.thing_colours(rng, kind, frame, _PATTERNS)


def _speckle(rng: np.random.Generator, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Draw speckles that move with the object, which noise of pixels would not do."""
    table = rng.random((64, 64)) < 0.3
    rows, columns = (np.floor(x / _SPECKLE).astype(np.int64) % 64 for x in (u, v))
    return table[rows, columns].astype(np.float32)


_PATTERNS: still.Patterns = {**still.PATTERNS, 'speckle': _speckle}
