"""Golden numbers: reading a case, filling weights, comparing.

Every JSON of the reference folder is a case; which code runs it is decided by the official class
named in its ``source`` and by its ``constructor``, never by the file's name.
"""

import importlib.util
import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from shared_folders import REFERENCE_DIR
from torch import Tensor, nn

from spikedense.converters import Family, convert_state_dict, lines_to_maps


@lru_cache
def fill_module(folder: Path) -> ModuleType:
    """The reference folder's own generator of weights and inputs."""
    spec = importlib.util.spec_from_file_location('reference_fill', folder / 'fill.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@dataclass
class Golden:
    """One case.

    Args:
        path: its JSON file.
    """

    path: Path

    @property
    def name(self) -> str:
        """Label for test reports."""
        return self.path.stem

    @cached_property
    def meta(self) -> dict[str, Any]:
        """The JSON."""
        return json.loads(self.path.read_text())

    @cached_property
    def arrays(self) -> dict[str, np.ndarray]:
        """The numbers; empty for a case of keys and shapes only."""
        file = self.path.with_suffix('.npz')
        return dict(np.load(file)) if file.is_file() else {}

    @property
    def official_class(self) -> tuple[str, str]:
        """Repository and class, as ``('Spike2Former', 'RepConv')``."""
        source = self.meta['source']
        repository = re.match(r'[\w.-]+/([\w.-]+)', source)
        cls = re.search(r'class (\w+)', source)
        return repository[1] if repository else '', cls[1] if cls else ''

    @property
    def constructor(self) -> dict[str, Any]:
        """Arguments of the official class."""
        return self.meta['constructor']

    @property
    def keys(self) -> dict[str, list[int]]:
        """Official keys and shapes."""
        return self.meta['state_dict']

    @property
    def atol(self) -> float:
        """Tolerance, relative to ``max(1, absmax)``."""
        return float(re.search(r'\d+e-\d+', self.meta['tolerance'])[0])

    @cached_property
    def fill(self) -> ModuleType:
        """Generator of weights and inputs."""
        return fill_module(self.path.parent)

    def official_state(self) -> dict[str, Tensor]:
        """The official state dict, float64."""
        values = self.fill.fill_state_dict(self.keys, self.meta['fill'])
        return {k: torch.from_numpy(np.asarray(v)) for k, v in values.items()}

    def empty_state(self) -> dict[str, Tensor]:
        """The official state dict without numbers, on the meta device."""
        return {k: torch.empty(shape, device='meta') for k, shape in self.keys.items()}

    def inputs(self) -> dict[str, Tensor]:
        """The inputs, float64, leaves of the graph."""
        return {
            k: torch.from_numpy(self.fill.make_input(k, **v)).requires_grad_()
            for k, v in self.meta['inputs'].items()
        }

    def loss(self, outs: dict[str, Tensor]) -> Tensor:
        """Sum of the outputs, weighted by the golden's random numbers."""
        seed = next(iter(self.meta['inputs'].values()))['seed']
        return sum(
            (out * torch.from_numpy(self.fill.make_input(f'loss_{k}', out.shape, seed))).sum()
            for k, out in outs.items()
        )

    def assert_close(self, what: str, ours: Tensor, gold: np.ndarray) -> None:
        """Compares one array at the case's tolerance."""
        value = ours.detach().numpy()
        if self.meta.get('time_steps_identical') and value.shape != gold.shape:
            assert np.ptp(value, axis=0).max() == 0, f'{what}: time steps differ'
            value = value[: len(gold)]
        assert value.shape == gold.shape, f'{what}: shape {value.shape}, expected {gold.shape}'
        if gold.size:
            worst = np.abs(value - gold).max() / max(1.0, np.abs(gold).max())
            assert worst <= self.atol, f'{what}: off by {worst:.3g}, allowed {self.atol:g}'


def goldens() -> list[Golden]:
    """Every JSON of the reference folder; none where the folder is absent."""
    return [Golden(p) for p in sorted(REFERENCE_DIR.glob('*.json'))] if REFERENCE_DIR else []


@dataclass
class Twin:
    """Our module for a case.

    Args:
        module: the module.
        keys: official key -> key of ``module``; or the families of the package that convert the
            golden.
        call: inputs -> outputs, by the names of the golden.
        untrained: official keys of parameters that are never trained, which the golden's number of
            parameters leaves out.
    """

    module: nn.Module
    keys: Callable[[str], str | None] | Sequence[Family]
    call: Callable[[dict[str, Tensor]], dict[str, Tensor]]
    untrained: Sequence[str] = ()

    def converting(self, golden: Golden) -> Sequence[Family]:
        """What converts the keys of a golden."""
        if callable(self.keys):
            return [Family(golden.name, lambda keys: True, self.keys, adapt=lines_to_maps)]
        return self.keys

    def check_parameters(self, golden: Golden) -> None:
        """Our module has the official parameters, but for those that are never computed."""
        families = self.converting(golden)
        dropped = [key for key in golden.keys if any(one.drops(key) for one in families)]
        dropped = [key for key in dropped if key not in self.untrained]
        if 'params_without_grad' in golden.meta:
            norms = zip(golden.meta['param_order'], golden.arrays['param_grad_norms'], strict=True)
            never = {key for key, norm in norms if norm == 0}
            assert set(dropped) <= never.union(golden.meta['params_without_grad'])
        unused = sum(math.prod(golden.keys[key]) for key in dropped)
        own = sum(p.numel() for p in self.module.parameters())
        assert own == golden.meta['num_params'] - unused

    def load(self, golden: Golden) -> dict[str, str]:
        """Loads the golden's weights through the converter, strictly.

        Returns:
            Official key -> our key.
        """
        report = convert_state_dict(golden.official_state(), self.converting(golden))
        assert report.unexpected == []
        self.module.double().load_state_dict(report.state_dict, strict=True)
        return report.names


def numbered(outs: Any) -> dict[str, Tensor]:
    """Names a tuple of outputs as the goldens do."""
    if isinstance(outs, Tensor):
        return {'out': outs}
    return {f'out{i}': out for i, out in enumerate(outs)}


def check(golden: Golden, twin: Twin) -> None:
    """Compares outputs, loss, gradients and updated buffers."""
    names = twin.load(golden)
    twin.check_parameters(golden)
    twin.module.train(golden.meta.get('mode') == 'train')
    inputs = golden.inputs()
    outs = twin.call(inputs)
    arrays = golden.arrays
    assert set(outs) == {k for k in arrays if re.fullmatch(r'out\d*', k)}
    for key, out in outs.items():
        golden.assert_close(key, out, arrays[key])
    buffers = dict(twin.module.named_buffers())
    for key in (k for k in arrays if k.startswith('after__')):
        ours = buffers[names[key.removeprefix('after__')]]
        golden.assert_close(key, ours, arrays[key])
    gradients = [k for k in arrays if k.startswith('grad_') or k == 'param_grad_norms']
    if not gradients and 'loss' not in arrays:
        return
    loss = golden.loss(outs)
    if 'loss' in arrays:
        golden.assert_close('loss', loss, arrays['loss'])
    loss.backward()
    for key, value in inputs.items():
        if f'grad_{key}' in arrays:
            golden.assert_close(f'grad_{key}', value.grad, arrays[f'grad_{key}'])
    if 'param_grad_norms' in arrays:
        parameters = dict(twin.module.named_parameters())
        norms = []
        for key in golden.meta['param_order']:
            grad = parameters[names[key]].grad if key in names else None
            norms.append(0.0 if grad is None else grad.norm().item())
        golden.assert_close(
            'param_grad_norms', torch.tensor(norms, dtype=torch.float64), arrays['param_grad_norms']
        )
