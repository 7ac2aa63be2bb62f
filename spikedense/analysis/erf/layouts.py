"""Where time, batch, channels and pixels are in the output of a layer."""

from dataclasses import dataclass

from torch import Tensor

from spikedense.errors import UserError

#: Axes of an output: T steps, B images, C channels, H rows, W columns, N tokens. Without ``T`` the
#: first axis is ``T*B``, or ``B`` in a layer that has no time axis.
LAYOUTS = ('TBCHW', 'BCHW', 'BHWC', 'TBNC', 'TBCN', 'BNC', 'BCN')

#: Strides of a grid of tokens that are tried if the grid is not given.
_STRIDES = (1, 2, 4, 8, 16, 32, 64)

Size = tuple[int, int]


@dataclass(frozen=True)
class Grid:
    """The axes of an output.

    Args:
        layout: One of :data:`LAYOUTS`.
        steps: Time steps of the output.
        height: Rows of the map.
        width: Columns of the map.
    """

    layout: str
    steps: int
    height: int
    width: int

    def maps(self, out: Tensor) -> Tensor:
        """Return an output, or a gradient of its shape, as maps.

        Args:
            out: A contiguous tensor of the layout. Tokens that are not on the grid, such as class
                tokens, are at the front.

        Returns:
            A view, ``[T, B, C, h, w]``.
        """
        if not self.layout.startswith('T'):
            out = out.unflatten(0, (self.steps, -1))
        if self.layout.endswith('HWC'):
            return out.movedim(-1, 2)
        if self.layout.endswith('CHW'):
            return out
        if self.layout.endswith('NC'):
            out = out.transpose(2, 3)  # [T, B, C, N]
        tokens = self.height * self.width
        return out[..., out.size(-1) - tokens :].unflatten(-1, (self.height, self.width))


@dataclass(frozen=True)
class Sizes:
    """The sizes that tell the axes of an output apart.

    Args:
        steps: Time steps T of the network.
        batch: Number of images B.
        image: Height and width of the images.
    """

    steps: int
    batch: int
    image: Size

    def find_grid(
        self, name: str, shape: tuple[int, ...], layout: str | None = None, hw: Size | None = None
    ) -> Grid:
        """Find out where the axes of an output are.

        Args:
            name: Name of the layer, for errors.
            shape: Shape of the output.
            layout: One of :data:`LAYOUTS`; None finds the layout by the sizes of the axes.
            hw: Height and width of a grid of tokens; None tries those of the image divided by 1, 2,
                4, ..., 64, with or without one class token.

        Raises:
            UserError: The layout is not known, the shape does not fit, or several layouts fit.
        """
        given = ''.join(f' with {k}={v!r}' for k, v in (('layout', layout), ('hw', hw)) if v)
        what = f"layer '{name}': its output {list(shape)}{given}"
        if layout is not None and layout not in LAYOUTS:
            raise UserError(f'{what}: expected a layout of {", ".join(LAYOUTS)}')
        layout = layout or self._guess(what, shape, hw)
        steps = self._steps(layout, shape) if len(layout) == len(shape) else 0
        size = self._size(layout, shape, hw) if steps else None
        if size is None:
            height, width = self.image
            raise UserError(
                f'{what} is no map of {self.batch} images of {height}x{width} and {self.steps} '
                'time steps, expected another layer, or its layout and the hw of its tokens'
            )
        return Grid(layout, steps, *size)

    def _guess(self, what: str, shape: tuple[int, ...], hw: Size | None) -> str:
        """Return the layout of a shape."""
        if len(shape) == 5:
            return 'TBCHW'
        if len(shape) == 4 and (self.steps == 1 or shape[:2] != (self.steps, self.batch)):
            likely = [tuple(-(-side // stride) for side in self.image) for stride in _STRIDES]
            return 'BHWC' if shape[1:3] in likely and shape[2:] not in likely else 'BCHW'
        if len(shape) not in (3, 4):
            return 'BCHW'  # which the caller refuses
        fits = [self._tokens(axis, hw) is not None for axis in shape[-2:]]
        if fits[0] == fits[1]:
            raise UserError(
                f'{what} does not tell which axis holds tokens, expected its layout (one of '
                f'{", ".join(LAYOUTS)}) and the hw of its tokens'
            )
        return ('TB' if len(shape) == 4 else 'B') + ('NC' if fits[0] else 'CN')

    def _steps(self, layout: str, shape: tuple[int, ...]) -> int:
        """Return the time steps of an output; 0 if its first axes do not fit."""
        if layout.startswith('T'):
            return shape[0] if shape[1] == self.batch else 0
        return {self.batch: 1, self.steps * self.batch: self.steps}.get(shape[0], 0)

    def _size(self, layout: str, shape: tuple[int, ...], hw: Size | None) -> Size | None:
        """Return the height and the width of an output; None if they do not fit."""
        if 'N' in layout:
            return self._tokens(shape[layout.index('N')], hw)
        row = layout.index('H')
        return shape[row], shape[row + 1]

    def _tokens(self, number: int, hw: Size | None) -> Size | None:
        """Return the grid of a number of tokens; None if there is none."""
        if hw is not None:
            return hw if hw[0] * hw[1] <= number else None
        height, width = self.image
        grids = [(-(-height // stride), -(-width // stride)) for stride in _STRIDES]
        fitting = [
            grid for extra in (0, 1) for grid in grids if number == grid[0] * grid[1] + extra
        ]
        return fitting[0] if fitting else None
