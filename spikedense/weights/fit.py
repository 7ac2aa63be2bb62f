"""Comparison of a state dict with a model, and loading."""

import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mmengine.runner import load_state_dict
from torch import Tensor, nn
from torch.nn.modules.module import _IncompatibleKeys

from spikedense.converters import recognised_families
from spikedense.errors import UserError
from spikedense.utils.unwrap import unwrap
from spikedense.utils.wording import some_of

#: A counter that some checkpoints lack and that no prediction depends on.
_BATCH_COUNTER = 'num_batches_tracked'
#: Message of torch about a weight: name, shape in the checkpoint, shape in the model.
_SIZE_MISMATCH = re.compile(r'size mismatch for (\S+): .*?Size\((.*?)\).*?Size\((.*?)\)')


@dataclass(frozen=True)
class WeightFit:
    """How a state dict fits a model. Counters of batches are not weights.

    Attributes:
        total: Number of the model's weights.
        missing: Weights of the model that the state dict lacks.
        wrong_shape: Weights of another shape, each with both shapes.
        unknown: Keys that the model does not have.
    """

    total: int
    missing: list[str]
    wrong_shape: list[str]
    unknown: list[str]

    @property
    def exact(self) -> bool:
        """Whether every weight is there in the right shape, and no key is unknown."""
        return not (self.missing or self.wrong_shape or self.unknown)

    @property
    def nothing(self) -> bool:
        """Whether not one weight of the model can be loaded."""
        return 0 < self.total <= len(self.missing) + len(self.wrong_shape)

    def describe(self) -> str:
        """Return what does not fit, as the second half of a sentence."""
        findings = (
            ('weights missing', f' of {self.total}', self.missing),
            ('of another shape', f' of {self.total}', self.wrong_shape),
            ('keys unknown to the model', '', self.unknown),
        )
        return '; '.join(
            f'{what}: {len(keys)}{total} ({some_of(keys)})'
            for what, total, keys in findings
            if keys
        )


def fit(model: nn.Module, state: Mapping[str, Tensor], every_part: bool = False) -> WeightFit:
    """Compare a state dict with a model. Neither of them is changed.

    Args:
        model: The model, maybe inside of mmengine's wrappers.
        state: The state dict. Old keys that a module of the model renames when it loads are
            renamed before the comparison.
        every_part: Whether a part that the model lacks altogether, an auxiliary head for example,
            counts as unknown. By default such keys are left out.

    Returns:
        The differences.
    """
    inner = unwrap(model)
    own = [key for key in inner.state_dict() if _BATCH_COUNTER not in key]
    missing, unexpected, errors = _try(_with_own_weights(inner, {}), _copied(state))
    parts = {name for name, _ in inner.named_children()}
    return WeightFit(
        total=len(own),
        missing=[key for key in missing if _BATCH_COUNTER not in key],
        wrong_shape=[
            f'{key} is {found}, expected {wanted}'
            for key, found, wanted in _SIZE_MISMATCH.findall('\n'.join(errors))
            if _BATCH_COUNTER not in key
        ],
        unknown=[
            key
            for key in unexpected
            if _BATCH_COUNTER not in key and (every_part or key.partition('.')[0] in parts)
        ],
    )


def check(
    model: nn.Module,
    state: Mapping[str, Tensor],
    source: str,
    *,
    strict: bool = True,
    every_part: bool = False,
    name: str = 'the model',
) -> WeightFit:
    """Compare a state dict with a model, and refuse one that does not fit. Nothing is loaded.

    Args:
        model: The model, maybe inside of mmengine's wrappers.
        state: The state dict.
        source: File of the state dict, for the message.
        strict: Whether every weight must fit; otherwise one fitting weight is enough.
        every_part: See :func:`fit`.
        name: Name of the model in the message.

    Returns:
        The differences. With ``strict`` there are none.

    Raises:
        UserError: The state dict has official keys, or no weight fits, or (with ``strict``) some
            weight does not fit.
    """
    found = fit(model, state, every_part)
    if found.exact:
        return found
    families = recognised_families(state)
    if families:
        raise UserError(
            f"the checkpoint '{source}' has official keys "
            f'({", ".join(family.name for family in families)}), expected keys of spikedense; '
            f'`spikedense convert {source} NEW.pth` converts it'
        )
    if found.nothing:
        reason = found.describe() if found.wrong_shape else _other_names(state, model)
        raise UserError(f"no weight of the checkpoint '{source}' fits {name}: {reason}")
    if strict:
        raise UserError(f"the checkpoint '{source}' does not fit {name}, {found.describe()}")
    return found


def fill(model: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Load the weights that fit into a model, without a message about the others.

    Args:
        model: The model, maybe inside of mmengine's wrappers.
        state: The state dict.
    """
    load_state_dict(unwrap(model), _copied(state), strict=False, logger='silent')


def load(
    model: nn.Module, state: Mapping[str, Tensor], source: str, name: str = 'the model'
) -> None:
    """Load a state dict into a model, all weights or none.

    Args:
        model: The model, maybe inside of mmengine's wrappers.
        state: The state dict.
        source: File of the state dict, for the message.
        name: Name of the model in the message.

    Raises:
        UserError: The state dict does not fit the model. The model is unchanged.
    """
    check(model, state, source, name=name)
    fill(model, state)


def _other_names(state: Mapping[str, Tensor], model: nn.Module) -> str:
    """Name some keys of a state dict and of a model that have no key in common."""
    found = f'its keys are {some_of(state)}' if state else 'its state_dict is empty'
    own = [key for key in unwrap(model).state_dict() if _BATCH_COUNTER not in key]
    return f'{found}, expected {some_of(own)}'


def _copied(state: Mapping[str, Tensor]) -> Any:
    """Copy a state dict with its versions, because modules change it while they load."""
    copied: Any = OrderedDict(state)
    copied._metadata = getattr(state, '_metadata', None) or {}
    return copied


def _with_own_weights(module: nn.Module, done: dict[nn.Module, nn.Module]) -> nn.Module:
    """Copy a module, its parameters and buffers; everything else is shared with the copy.

    A trial load needs tensors with values, because some layers look at what they have loaded.

    Args:
        module: The module.
        done: Module -> copy. A module may occur in several places, and gets one copy.

    Returns:
        The copy.
    """
    if module not in done:
        # Not copy.copy and not copy.deepcopy, because a class may override both.
        copied = done[module] = object.__new__(type(module))
        copied.__dict__.update(module.__dict__)
        for kind in ('_parameters', '_buffers'):
            copied.__dict__[kind] = {
                name: None if tensor is None else _cloned(tensor)
                for name, tensor in module.__dict__[kind].items()
            }
        copied.__dict__['_modules'] = {
            name: None if child is None else _with_own_weights(child, done)
            for name, child in module._modules.items()
        }
    return done[module]


def _cloned(tensor: Tensor) -> Tensor:
    values = tensor.detach().clone()
    # A module accepts no bare tensor in place of a parameter.
    return nn.Parameter(values, False) if isinstance(tensor, nn.Parameter) else values


def _try(module: nn.Module, state: Any) -> tuple[list[str], list[str], list[str]]:
    """Load a state dict into a copy of a model.

    ``Module.load_state_dict`` would raise an error at a wrong shape, without the missing keys.

    Args:
        module: The copy.
        state: A copy of the state dict.

    Returns:
        Missing keys, unexpected keys, and torch's sentences about wrong shapes.
    """
    missing: list[str] = []
    unexpected: list[str] = []
    errors: list[str] = []

    def visit(module: nn.Module, state: dict, prefix: str) -> None:
        version = versions.get(prefix[:-1], {})
        module._load_from_state_dict(state, prefix, version, True, missing, unexpected, errors)
        for name, child in module._modules.items():
            if child is not None:
                below = f'{prefix}{name}.'
                visit(child, {k: v for k, v in state.items() if k.startswith(below)}, below)
        for hook in module._load_state_dict_post_hooks.values():
            hook(module, _IncompatibleKeys(missing, unexpected))

    versions = state._metadata
    visit(module, state, '')
    return missing, unexpected, errors
