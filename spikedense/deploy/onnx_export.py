"""Exports models of one time step as ONNX graphs."""

import copy
import json
import re
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from spikedense.errors import UserError
from spikedense.neurons import BaseNeuron, from_rest
from spikedense.tracing import network_outputs
from spikedense.utils.answers import Unfoldable, ask_or_none
from spikedense.utils.files import remove_abandoned, temporary_name
from spikedense.utils.images import input_channels

from .modules import replace_module
from .onnx_use import describe_use
from .verify import fold_exactly

MANIFEST = 'manifest.json'
OPSETS = range(17, 21)
_LEFT_TO_PYTHON = {
    'one-stage': 'decoding of boxes and their suppression (NMS): mmdet',
    'two-stage': 'proposals, RoIAlign, decoding of boxes, their suppression (NMS) and the pasting '
    'of masks: mmdet',
    'mask classifier': 'resizing of the masks, and classes times masks: mmseg or mmdet',
    'plain': 'resizing of the logits: mmseg',
}
_UNSUPPORTED = re.compile(r"operator '([\w:]+)'")


class ExportError(UserError):
    """A model cannot be exported; the message is one sentence that names the cause."""


def required(name: str) -> Any:
    """Import a package that only exports need; raise an :class:`ExportError` if it is missing."""
    try:
        return import_module(name)
    except ImportError as error:
        install = 'pip install -r requirements/deploy.txt'
        raise ExportError(f'{name} is not installed: {install}') from error


class OnnxNeuron(nn.Module):
    """A neuron at one step from rest, in operations that ONNX has, without a gradient.

    Args:
        neuron: A neuron that answers :func:`spikedense.neurons.from_rest`.
    """

    def __init__(self, neuron: BaseNeuron) -> None:
        super().__init__()
        self.neuron = neuron
        self._step = from_rest(neuron)

    def forward(self, x: Tensor) -> Tensor:
        """Fire: ``[T, ...] -> [T, ...]``, each element from rest."""
        return self._step(x)


class _Part(nn.Module):
    """A function of a part of a model, as the module that the exporter needs.

    Args:
        part: The part, which holds the weights.
        function: Computes the outputs from part and input.
    """

    def __init__(self, part: Any, function: Callable[[Any, Tensor], Any]) -> None:
        super().__init__()
        self.part = part
        self.function = function

    def forward(self, x: Tensor) -> Any:
        """Call the function with the part and the input."""
        return self.function(self.part, x)


def _last_masks(model: nn.Module, images: Tensor) -> tuple[Tensor, ...]:
    """Return classes and masks of the only decoder state, without the axis of the states."""
    return tuple(x[-1] for x in network_outputs(model, images))


def _first_stage(model: Any, images: Tensor) -> tuple[Tensor, ...]:
    """Return maps ``[1, C, H_i, W_i]``, then scores, then deltas, each for all levels."""
    maps = model.extract_feat(images)
    scores, deltas = model.rpn_head(maps)
    return (*(x[0] for x in maps), *scores, *deltas)


class _OneStep(TorchFunctionMode):
    """Replaces merging and splitting of a time axis of length 1 by dropping and adding the axis.

    For the general case, the exporter computes the sizes inside the graph with a dozen operators,
    and fixes a varying number of RoIs to the number in the example.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        if not kwargs and func is Tensor.flatten and args[1:] == (0, 1) and len(args[0]) == 1:
            return args[0].select(0, 0)  # the exporter makes an If of squeeze
        if not kwargs and func is Tensor.unflatten and args[1] == 0 and len(args[2]) == 2:
            x, _, sizes = args
            return x.unsqueeze(0) if sizes[0] == 1 else func(*args)
        if func is torch.cartesian_prod:  # the exporter does not support it
            return torch.stack(torch.meshgrid(*args, indexing='ij'), -1).flatten(0, -2)
        return func(*args, **(kwargs or {}))


@dataclass(frozen=True)
class _Graph:
    """A graph that becomes one file.

    Args:
        name: Name of the file without suffix.
        module: Module that becomes the graph.
        input: Name of the input.
        example: An example of the input.
        varying: Whether the first axis may have any length; else the length in the example is
            fixed.
    """

    name: str
    module: nn.Module
    input: str
    example: Tensor
    varying: bool = False


def export_onnx(
    model: nn.Module, folder: str | Path, size: tuple[int, int] = (512, 512), opset: int = 17
) -> list[Path]:
    """Write a model as ONNX graphs, for batches of one image of one size.

    A segmentor, a one-stage detector, a mask classifier or a backbone becomes one graph,
    ``model.onnx``, from normalised images to logits. A two-stage detector becomes three graphs:
    ``backbone_rpn.onnx`` (images to pyramid, scores and deltas of the proposals), and
    ``bbox_head.onnx`` and ``mask_head.onnx`` (features of one or more RoIs to their outputs). The
    graphs do not contain the resizing to the image size, the decoding of boxes, NMS and RoIAlign.
    mmseg and mmdet do these steps, see :func:`spikedense.deploy.onnx_runtime.run_by_onnx`.
    ``manifest.json`` lists graphs, names, shapes and neurons. It also tells how to use them
    (normalisation, classes, colours, stride of the logits), as far as the model tells it: see
    :func:`spikedense.inference.model.describe`.

    The model is copied and folded (see :func:`spikedense.deploy.fold`). Batch and size are fixed,
    because positions, sampling places and resizing depend on them.

    Args:
        model: A model of one time step (T=1), or of neurons without state.
        folder: Output folder, new or empty. If the export fails, nothing is written.
        size: Height and width of the image.
        opset: Version of ONNX's operators, 17 to 20.

    Returns:
        Paths of the files, the manifest last.

    Raises:
        ExportError: The model or a part of it has no ONNX form.
    """
    folder = Path(folder).absolute()
    _check_request(folder, size, opset)
    net = copy.deepcopy(model).cpu().float().eval()
    kind = _kind(net)
    neurons = _neurons(net)
    with torch.no_grad(), _refused(type(model).__name__):
        graphs = _graphs(net, kind, torch.zeros(1, input_channels(net, default=3), *size))
    near = next(path for path in folder.parents if path.exists())
    remove_abandoned(near)
    with tempfile.TemporaryDirectory(dir=near, prefix=temporary_name('onnx-')) as temporary:
        # An inner folder is moved, because the clean-up at the end needs the outer folder.
        made = Path(temporary, folder.name)
        made.mkdir()
        described = {graph.name: _write(graph, kind, made, opset) for graph in graphs}
        manifest = dict(
            model=type(model).__name__,
            kind=kind,
            size=list(size),
            T=1,
            neurons=neurons,
            opset=opset,
            graphs=described,
            left_to_python=_LEFT_TO_PYTHON[kind],
            **describe_use(model, size, kind, described),
        )
        (made / MANIFEST).write_text(json.dumps(manifest, indent=2) + '\n', encoding='utf-8')
        folder.parent.mkdir(parents=True, exist_ok=True)
        made.replace(folder)
    return [*(folder / f'{graph.name}.onnx' for graph in graphs), folder / MANIFEST]


def _check_request(folder: Path, size: tuple[int, int], opset: int) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ExportError(f"'{folder}' exists, expected a folder that is new or empty")
    if min(size) < 1:
        raise ExportError(f'size={tuple(size)}, expected a height and a width of at least 1')
    if opset not in OPSETS:
        raise ExportError(f'opset={opset}, expected {OPSETS[0]} to {OPSETS[-1]}')


def _kind(net: Any) -> str:
    if hasattr(net, 'roi_head'):
        return 'two-stage'
    head = getattr(net, 'decode_head', None) or getattr(net, 'panoptic_head', None)
    if hasattr(head, 'last_state_only'):
        return 'mask classifier'
    return 'one-stage' if hasattr(net, 'bbox_head') else 'plain'


def _neurons(net: nn.Module) -> list[dict[str, Any]]:
    """Count the neurons of each kind."""
    kinds = Counter(
        (type(m).__name__, m.D, m.norm) for m in net.modules() if isinstance(m, BaseNeuron)
    )
    return [dict(type=name, D=D, norm=norm, count=n) for (name, D, norm), n in kinds.items()]


def _graphs(net: Any, kind: str, images: Tensor) -> list[_Graph]:
    """Prepare a model in place, and split it into graphs."""
    if kind == 'two-stage':
        _check_two_stage(net)
    features = _observed(net, kind, images)
    for name, neuron in net.named_modules():
        if isinstance(neuron, BaseNeuron):
            _as_onnx(name, neuron)  # refused before the model is folded
    height, width = images.shape[-2:]
    fold_exactly(net, images.shape, boxes=torch.tensor([[0.0, 0, width, height]]))
    for name, neuron in list(net.named_modules()):
        if isinstance(neuron, BaseNeuron):
            replace_module(net, name, _as_onnx(name, neuron))
    if kind != 'two-stage':
        compute = _last_masks if kind == 'mask classifier' else network_outputs
        return [_Graph('model', _Part(net, compute), 'images', images)]
    heads = [
        # RoI features of the graphs have no time axis, but the heads expect it.
        _Graph(name, _Part(head, lambda head, x: head(x.unsqueeze(0))), 'roi_features', x, True)
        for name, x in features.items()
        for head in [getattr(net.roi_head, name)]
    ]
    return [_Graph('backbone_rpn', _Part(net, _first_stage), 'images', images), *heads]


def _check_two_stage(net: Any) -> None:
    if _parts_of_rois(net) is None or not hasattr(net, 'rpn_head'):
        raise ExportError(
            f'a {type(net).__name__} with {type(net.roi_head).__name__} has no ONNX form, expected '
            'an rpn_head and SpikeStandardRoIHead, as Mask R-CNN and Faster R-CNN have them'
        )


def _parts_of_rois(net: Any) -> dict[str, nn.Module] | None:
    """Return the heads of the second stage; None if the RoI head has no ``parts_of_rois``."""
    parts = ask_or_none(net.roi_head, 'parts_of_rois')
    return None if parts is None else parts()


def _observed(net: Any, kind: str, images: Tensor) -> dict[str, Tensor]:
    """Run a model to check its time steps and to record the inputs of second-stage heads.

    Returns:
        Name of a head -> RoI features of one step, ``[N, C, h, w]``.

    Raises:
        ExportError: A neuron with state runs for several time steps.
    """
    seen: dict[str, Tensor] = {}
    steps = [1]

    def at_neuron(neuron: BaseNeuron, args: tuple) -> None:
        if neuron.stateful or kind == 'two-stage':
            steps.append(len(args[0]))

    with ExitStack() as stack:
        for module in net.modules():
            if isinstance(module, BaseNeuron):
                stack.callback(module.register_forward_pre_hook(at_neuron).remove)
        for name, head in (_parts_of_rois(net) or {}).items() if kind == 'two-stage' else ():

            def at_head(_: nn.Module, args: tuple, name: str = name) -> None:
                seen[name] = args[0][0]

            stack.callback(head.register_forward_pre_hook(at_head).remove)
        height, width = images.shape[-2:]
        # Two boxes, because the exporter takes an axis of length 1 for a constant.
        network_outputs(net, images, boxes=torch.tensor([[0.0, 0, width, height]] * 2))
    if max(steps) > 1:
        raise ExportError(
            f'T={max(steps)}: ONNX export is for models of one time step (T=1); set '
            'model.backbone.T=1 if the weights allow it'
        )
    return seen


def _as_onnx(name: str, neuron: BaseNeuron) -> OnnxNeuron:
    try:
        exportable = OnnxNeuron(neuron)
    except Unfoldable as refused:
        raise ExportError(
            f"'{name}' is a {type(neuron).__name__}, which has no ONNX form; expected a "
            'neuron with a method from_rest, as NILIF, ILIF, LIF, IF and PLIF'
        ) from refused
    if neuron.keep_state:
        raise ExportError(
            f"'{name}' has keep_state=True, but a graph keeps no state from run to run"
        )
    return exportable


def _write(graph: _Graph, kind: str, folder: Path, opset: int) -> dict[str, Any]:
    """Write one graph, and return its entry in the manifest."""
    onnx = required('onnx')
    path = folder / f'{graph.name}.onnx'
    module = graph.module.eval()
    with torch.no_grad(), _refused(graph.name), _silent(), _OneStep():
        outs = module(graph.example)
        outs = (outs,) if isinstance(outs, Tensor) else outs
        names = _names(graph.name, kind, outs)
        # The TorchScript exporter, because the newer one (dynamo=True, torch 2.11, onnxscript 0.7)
        # takes five times as long and writes invalid graphs: its optimiser merges the Clips of two
        # neurons that read the same membrane.
        torch.onnx.export(
            module,
            (graph.example,),
            str(path),
            dynamo=False,
            opset_version=opset,
            input_names=[graph.input],
            output_names=names,
            dynamic_axes={x: {0: 'N'} for x in (graph.input, *names)} if graph.varying else None,
        )
    onnx.checker.check_model(str(path))

    def shape(x: Tensor) -> list[Any]:
        return ['N', *x.shape[1:]] if graph.varying else list(x.shape)

    return dict(
        file=path.name,
        inputs={graph.input: shape(graph.example)},
        outputs={name: shape(x) for name, x in zip(names, outs, strict=True)},
    )


def _names(graph: str, kind: str, outs: tuple[Tensor, ...]) -> list[str]:
    """Return the names of outputs; levels are numbered from the finest."""
    if graph == 'mask_head':
        return ['masks']
    if graph == 'bbox_head':
        return ['cls', 'reg']
    if kind == 'mask classifier':
        return ['classes', 'masks']
    if len(outs) == 1:
        return ['logits']
    groups = {'two-stage': ('map', 'rpn_cls', 'rpn_reg'), 'one-stage': ('cls', 'reg')}
    wanted = groups.get(kind, ('map',))
    levels, rest = divmod(len(outs), len(wanted))
    if rest:
        raise ExportError(
            f'the heads give {len(outs)} tensors, expected {len(wanted)} a level: '
            f'{", ".join(wanted)}'
        )
    return [f'{name}_{level}' for name in wanted for level in range(levels)]


@contextmanager
def _refused(what: str) -> Iterator[None]:
    """Turn an error of torch while it runs or exports a module into one sentence."""
    try:
        yield
    except ExportError:
        raise
    except (RuntimeError, TypeError, ValueError) as error:
        operator = _UNSUPPORTED.search(str(error))
        if operator is not None:
            raise ExportError(
                f"'{what}' uses the operator {operator[1]}, which has no ONNX form at this opset: "
                'try a higher opset, or replace the module that uses it'
            ) from error
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise ExportError(f"'{what}' cannot be exported: {lines[0]}") from error


@contextmanager
def _silent() -> Iterator[None]:
    """Hide the exporter's warnings about sizes that become constants: this is intended."""
    # If the export fails, the exporter prints the whole graph, even without `verbose`.
    with warnings.catch_warnings(), mock.patch.object(torch._C, '_jit_onnx_log', create=True):
        warnings.simplefilter('ignore')
        yield
