"""The layers whose receptive fields are measured, and their outputs in a forward pass."""

import difflib
import fnmatch
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from spikedense.errors import UserError
from spikedense.tracing import network_outputs
from spikedense.utils.unwrap import unwrap

#: The word for the outputs of the backbone.
STAGES = 'stages'
#: A name, and the number of one of several outputs.
_NAME = re.compile(r'(?P<name>.*?)(?:\[(?P<index>\d+)\])?')


@dataclass(frozen=True)
class Layer:
    """A module of a model.

    Args:
        module: Dotted name of the module.
        index: Which one of several outputs is meant; None means all.
        stages: Whether the outputs get the names of the stages of the backbone.
        by_pattern: Whether a pattern has found the module, which may then have no call of its own.
    """

    module: str
    index: int | None = None
    stages: bool = False
    by_pattern: bool = False


class Subject:
    """A model, and the place at which an image enters it.

    Args:
        model: A model of mmseg, mmdet or mmpretrain, or any module that reads images; maybe inside
            of a wrapper.

    Attributes:
        model: The model inside of the wrappers.
        entry: Its backbone; the model itself if it has no backbone.
        steps: Time steps T for an image; 1 in a network without time.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = unwrap(model)
        backbone = getattr(self.model, 'backbone', None)
        self._prefix = 'backbone' if isinstance(backbone, nn.Module) else ''
        self.entry: Any = self.model.get_submodule(self._prefix)
        self.steps: int = getattr(self.entry, 'T', 1)

    def choose(self, patterns: str | Sequence[str]) -> list[Layer]:
        """Find the layers that a user names.

        Args:
            patterns: Names of modules, as ``'backbone.stages.3.blocks.0'``, patterns of names, as
                ``'backbone.stages.*.blocks.*'``, or ``'stages'``: the outputs of the backbone.
                ``'neck[1]'`` is the second output of a module with several outputs. A ``*`` stands
                for one part of a name, without dots.

        Returns:
            The layers, in the order of the patterns, then of the model.

        Raises:
            UserError: A name or a pattern names no module.
        """
        names = [
            name
            for name, module in self.model.named_modules()
            if name and not isinstance(module, nn.ModuleList | nn.ModuleDict)  # never called
        ]
        found: dict[Layer, None] = {}
        for pattern in [patterns] if isinstance(patterns, str) else patterns:
            match = _NAME.fullmatch(pattern)
            assert match is not None
            name = match['name']
            index = None if match['index'] is None else int(match['index'])
            if name == STAGES:
                found[Layer(self._prefix, index, stages=True)] = None
                continue
            fitting = [one for one in names if one == name or _fits(one, name)]
            if not fitting:
                near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
                hint = f'; near names: {", ".join(near)}' if near else ''
                raise UserError(
                    f"layer '{pattern}' names no module of {type(self.model).__name__}, expected "
                    f"'{STAGES}', a dotted name or a pattern with *{hint}"
                )
            found |= dict.fromkeys(Layer(one, index, by_pattern=one != name) for one in fitting)
        if not found:
            raise UserError(f"there are no layers, expected '{STAGES}' or names of modules")
        return list(found)

    def part_with(self, layers: Sequence[Layer]) -> nn.Module:
        """Return the backbone if it holds all layers, else the whole model."""
        inside = all(f'{one.module}.'.startswith(f'{self._prefix}.') for one in layers)
        return self.entry if inside or not self._prefix else self.model

    def outputs(self, x: Tensor, layers: Sequence[Layer]) -> dict[str, Tensor]:
        """Run the model until all layers have been called.

        The heads do not run if all layers are in the backbone. Of a module that is called several
        times, the first call counts.

        Args:
            x: What the backbone reads: images ``[B, C, H, W]`` or a clip ``[T, B, C, H, W]``.
            layers: The layers of :meth:`choose`.

        Returns:
            Name -> output with its graph, in the order of the layers. Operations that change the
            output in place, as many ReLUs do, do not change it here.

        Raises:
            UserError: A layer is not called, or has no such output.
        """
        recorder = _Recorder({layer.module for layer in layers})
        with recorder.hooked(self.model):
            if self.part_with(layers) is self.entry:
                with _all_steps(self.entry):
                    self.entry(x)
            else:
                self._run_all(x)
        found: dict[str, Tensor] = {}
        for layer in layers:
            if layer.module in recorder.outputs:
                found |= self._named(layer, recorder.outputs[layer.module])
            elif not layer.by_pattern:
                raise UserError(f"layer '{layer.module}' is not called in the forward pass")
        if not found:
            raise UserError('the forward pass calls none of the layers of the patterns')
        return found

    def _run_all(self, x: Tensor) -> None:
        """Run the whole model on images, of which the backbone reads the given tensor."""
        hook = self.entry.register_forward_pre_hook(lambda *_: (x,))
        try:
            images = x.detach()
            network_outputs(self.model, images if images.dim() == 4 else images[0])
        except _Complete:
            pass
        finally:
            hook.remove()

    def _named(self, layer: Layer, outputs: list[Tensor]) -> dict[str, Tensor]:
        """Give names to the outputs of a layer, and choose among them."""
        if layer.stages:
            numbers: Any = getattr(self.entry, 'out_indices', None)
            if not isinstance(numbers, Sequence) or len(numbers) != len(outputs):
                numbers = range(len(outputs))
            names = [f'stage{i}' for i in numbers]
        elif len(outputs) == 1:
            names = [layer.module]
        else:
            names = [f'{layer.module}[{i}]' for i in range(len(outputs))]
        pairs = list(zip(names, outputs, strict=True))
        if layer.index is None:
            return dict(pairs)
        if layer.index >= len(pairs):
            name = STAGES if layer.stages else layer.module
            raise UserError(
                f"layer '{name}[{layer.index}]': '{name}' has {len(pairs)} outputs, expected a "
                f'number below {len(pairs)}'
            )
        return dict([pairs[layer.index]])


class _Complete(Exception):
    """All outputs are recorded: the rest of the forward pass is not needed."""


class _Recorder:
    """Records what modules return in their first call, and then ends the forward pass.

    Args:
        names: Names of the modules.
    """

    def __init__(self, names: set[str]) -> None:
        self.names = names
        self.outputs: dict[str, list[Tensor]] = {}

    @contextmanager
    def hooked(self, model: nn.Module) -> Iterator[None]:
        """Record inside of the ``with`` block."""
        modules = ((name, model.get_submodule(name)) for name in self.names)
        hooks = [module.register_forward_hook(self._record(name)) for name, module in modules]
        try:
            yield
        except _Complete:
            pass
        finally:
            for hook in hooks:
                hook.remove()

    def _record(self, name: str) -> Callable[[nn.Module, Any, Any], None]:
        def record(module: nn.Module, args: Any, out: Any) -> None:
            if name in self.outputs:
                return
            # The next layer may change the output in place, but not the clone.
            self.outputs[name] = [part.clone() for part in _tensors(out)]
            if len(self.outputs) == len(self.names):
                raise _Complete

        return record


def _fits(name: str, pattern: str) -> bool:
    """Tell whether each part of a name fits its part of a pattern."""
    parts, patterns = name.split('.'), pattern.split('.')
    return len(parts) == len(patterns) and all(map(fnmatch.fnmatchcase, parts, patterns))


def _tensors(out: Any) -> list[Tensor]:
    """Return the tensors of an output, in their order."""
    if isinstance(out, Tensor):
        return [out]
    parts = out.values() if isinstance(out, dict) else out
    return [x for part in parts for x in _tensors(part)] if _is_nested(out) else []


def _is_nested(out: Any) -> bool:
    return isinstance(out, dict | list | tuple)


@contextmanager
def _all_steps(backbone: Any) -> Iterator[None]:
    """Let a spiking backbone return all time steps, if it would return their mean."""
    kept = getattr(backbone, 'out_time', None)
    if kept is None:
        yield
        return
    backbone.out_time = 'keep'
    try:
        yield
    finally:
        backbone.out_time = kept
