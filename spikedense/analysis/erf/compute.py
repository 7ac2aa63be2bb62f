"""Effective receptive fields by back-propagation from a stimulus (ST-ERF, NeurIPS 2025)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from spikedense.errors import UserError
from spikedense.neurons import BaseNeuron

from .layer_norm import ends_in_layer_norm, warn_of_layer_norm
from .layers import STAGES, Layer, Subject
from .layouts import Grid, Size, Sizes
from .neurons import assumptions
from .result import ERFResult
from .stimulus import OFFICIAL_OFFSET, OutputStep, Stimulus

#: Source of the random signs for each layer and each stimulus.
Generators = dict[tuple[str, int], torch.Generator]


def st_erf(
    model: nn.Module,
    inputs: Iterable[Tensor],
    layers: str | Sequence[str] = STAGES,
    *,
    center: Literal['mid'] | tuple[int, int] = 'mid',
    t_out: OutputStep = 'all',
    delays: bool = False,
    per_step_input: bool = True,
    reduce: str = 'sum',
    official_quirks: bool = False,
    layout: str | Mapping[str, str] | None = None,
    hw: Size | Mapping[str, Size] | None = None,
    name: str | None = None,
    source: str = 'noise',
) -> ERFResult:
    r"""Measure the effective receptive fields of layers of a model.

    A layer has the output :math:`y[t]` at its centre :math:`(m, n)`, summed over its channels. Its
    field is the gradient with respect to the pixels :math:`x_{(i,j)}` of each input step s:

    .. math::
        \mathrm{ERF}(i, j, s) = \frac{1}{K C} \sum_{k,c}
            \Bigl| \sum_{t \in t_{out}} \frac{\partial y^k_{(m,n)}[t]}
            {\partial x^k_{c,(i,j)}[s]} \Bigr|

    with the mean over K images and C input channels. The gradient of a spike is the surrogate
    gradient of its neuron.

    Args:
        model: A model of mmseg, mmdet or mmpretrain, or any module that reads images; in eval mode,
            because a batch norm in training mode makes each pixel depend on all pixels.
        inputs: Batches of normalised images ``[B, C, H, W]``, or of clips ``[T, B, C, H, W]``, all
            of one height and width. One batch is kept at a time.
        layers: Names or patterns; see :meth:`Subject.choose`.
        center: See :class:`Stimulus`.
        t_out: See :class:`Stimulus`.
        delays: Whether to measure a stimulus at the last output step as well, for the field in
            time. It needs a second backward pass.
        per_step_input: Whether an image gets a gradient for each time step. If False, the network
            repeats the image itself, and the gradient is the sum over the steps.
        reduce: See :class:`Stimulus`.
        official_quirks: Do what the released code does in some networks: a stimulus at the first
            output step only, 5 columns right of the centre, and one gradient for all input steps.
        layout: Layout of the outputs, for all layers or by the name of the layer; see
            :data:`spikedense.analysis.erf.layouts.LAYOUTS`. None finds it.
        hw: Height and width of a grid of tokens, for all layers or by name. None finds it.
        name: Name of the model for the result; None takes its class.
        source: Where the images come from, for the result.

    Returns:
        The fields.

    Raises:
        ValueError: The model is in training mode.
        UserError: There are no images, they differ in size, or a layer cannot be measured.
    """
    subject = Subject(model)
    chosen = subject.choose(layers)
    if official_quirks:
        if t_out != 'all' or center != 'mid':
            raise UserError('official_quirks has its own t_out and center, expected the defaults')
        t_out, per_step_input = 0, False
    offset = OFFICIAL_OFFSET if official_quirks else 0
    stimuli = [Stimulus(center, t_out, reduce, offset)]
    if delays and t_out != 'last' and subject.steps > 1:
        stimuli.append(Stimulus(center, 'last', reduce, offset))
    sums = [_Sum() for _ in stimuli]
    grids: dict[str, Grid] = {}
    signs: Generators = {}
    image: Size | None = None
    number = 0
    for batch in inputs:
        if image not in (None, batch.shape[-2:]):
            raise UserError(f'images of {image} and {tuple(batch.shape[-2:])}, expected one size')
        image, number = (batch.size(-2), batch.size(-1)), number + batch.size(-4)
        fields = input_gradients(
            subject,
            batch,
            chosen,
            stimuli,
            per_step_input=per_step_input,
            layout=layout,
            hw=hw,
            generators=signs,
        )
        for layer, grid, k, gradient in fields:
            grids[layer] = grid
            sums[k].add(layer, gradient)
    if image is None:
        raise UserError('there are no images, expected at least one')
    maps, *temporal = [one.mean(number) for one in sums]
    places = {layer: stimuli[0].place(layer, grid) for layer, grid in grids.items()}
    return ERFResult(
        model=name or type(subject.model).__name__,
        maps=maps,
        centers={
            layer: (row * image[0] // grids[layer].height, column * image[1] // grids[layer].width)
            for layer, (row, column) in places.items()
        },
        sizes={layer: (grid.height, grid.width) for layer, grid in grids.items()},
        t_out=t_out,
        num_images=number,
        inputs=source,
        reduce=reduce,
        neurons=assumptions(subject.part_with(chosen)),
        temporal_maps=temporal[0] if temporal else None,
    )


def input_gradients(
    subject: Subject,
    batch: Tensor,
    layers: Sequence[Layer],
    stimuli: Sequence[Stimulus],
    *,
    per_step_input: bool = True,
    layout: str | Mapping[str, str] | None = None,
    hw: Size | Mapping[str, Size] | None = None,
    generators: Generators | None = None,
) -> Iterator[tuple[str, Grid, int, Tensor]]:
    """Send stimuli back from layers to the input: one forward pass, one backward pass for each.

    Args:
        subject: The model.
        batch: Images ``[B, C, H, W]`` or clips ``[T, B, C, H, W]``; a backbone with
            ``clips=True`` splits clips ``[B, T*C, H, W]``.
        layers: The layers.
        stimuli: The stimuli.
        per_step_input: See :func:`st_erf`.
        layout: See there.
        hw: See there.
        generators: Layer and number of a stimulus -> source of its random signs; missing ones are
            added.

    Yields:
        Name of the layer, its axes, number of the stimulus, and the signed gradient
        ``[T_in, B, C, H, W]``.

    Raises:
        ValueError: The model is in training mode.
        UserError: A layer cannot be measured.
    """
    if subject.model.training:
        raise ValueError(f'{type(subject.model).__name__} is in training mode, expected eval mode')
    generators = {} if generators is None else generators
    with _only_input_gradients(subject.model):
        x = _leaf(subject, batch, per_step_input)
        steps = x.size(0) if x.dim() == 5 else subject.steps
        sizes = Sizes(steps, x.size(-4), (x.size(-2), x.size(-1)))
        with torch.enable_grad():
            outputs = subject.outputs(x, layers)
        for name, out in outputs.items():
            if any(one.reduce == 'sum' for one in stimuli) and ends_in_layer_norm(out):
                warn_of_layer_norm(name)
            grid = sizes.find_grid(name, tuple(out.shape), _of(name, layout), _of(name, hw))
            for k, stimulus in enumerate(stimuli):
                generator = generators.setdefault((name, k), torch.Generator().manual_seed(0))
                signal = stimulus.gradient(name, out, grid, steps, generator)
                yield name, grid, k, _backward(name, out, x, signal)


class _Sum:
    """The sum of absolute gradients over images, for each layer, in float64."""

    def __init__(self) -> None:
        self._maps: dict[str, Tensor] = {}

    def add(self, layer: str, gradient: Tensor) -> None:
        """Add the gradients of a batch, ``[T_in, B, C, H, W]``."""
        total = gradient.abs().double().mean(2).sum(1)  # [T_in, H, W]
        self._maps[layer] = self._maps[layer] + total if layer in self._maps else total

    def mean(self, number: int) -> dict[str, np.ndarray]:
        """Return the maps for a number of images."""
        return {layer: (total / number).cpu().numpy() for layer, total in self._maps.items()}


def _of(name: str, given: Any) -> Any:
    """Return a setting of a layer, which may be the same for all layers."""
    return given.get(name) if isinstance(given, Mapping) else given


def _leaf(subject: Subject, batch: Tensor, per_step: bool) -> Tensor:
    """Return the input, with the device and the dtype of the model, as a leaf of the graph."""
    weight = next(subject.model.parameters(), batch)
    x = batch.detach().to(weight)
    if getattr(subject.entry, 'clips', False):
        x = subject.entry.as_steps(x)
    if x.dim() == 4 and per_step and subject.steps > 1:
        # Channels-last convolutions are faster on CPUs; all later maps keep the format.
        x = x.contiguous(memory_format=torch.channels_last)
        x = torch.cat([x] * subject.steps).unflatten(0, (subject.steps, -1))
    return x.clone().requires_grad_()


def _backward(name: str, out: Tensor, x: Tensor, signal: Tensor) -> Tensor:
    """Return the gradient of the input, ``[T_in, B, C, H, W]``."""
    if not out.requires_grad:
        raise UserError(f"layer '{name}' does not depend on the image, expected another layer")
    gradient = torch.autograd.grad(out, x, signal, retain_graph=True, allow_unused=True)[0]
    gradient = torch.zeros_like(x) if gradient is None else gradient
    return gradient if gradient.dim() == 5 else gradient.unsqueeze(0)


@contextmanager
def _only_input_gradients(model: nn.Module) -> Iterator[None]:
    """Compute no gradients of weights, and start from neurons at rest."""
    trained = [p for p in model.parameters() if p.requires_grad]
    neurons = [module for module in model.modules() if isinstance(module, BaseNeuron)]
    for part in neurons:
        part.reset()
    for parameter in trained:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in trained:
            parameter.requires_grad_()
        for part in neurons:
            part.reset()
