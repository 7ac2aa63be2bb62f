"""Builds the mixers of a block from configs."""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from spikedense.registry import MODELS
from spikedense.utils.class_names import own_name
from spikedense.utils.signatures import accepted_parameters

#: Config of a mixer, or None for no mixer.
MixerCfg = dict[str, Any] | None


@dataclass(frozen=True)
class Shortcut:
    """An argument of a backbone that sets an argument of its default mixers.

    Args:
        name: Name of the argument of the backbone.
        value: Its value; None if it is not given.
        key: Argument of the backbone with the configs of the mixers.
        argument: The argument of the mixer.
    """

    name: str
    value: Any
    key: str
    argument: str

    def check(self, given: Any, mixers: Sequence[MixerCfg]) -> None:
        """Check that the value reaches a mixer.

        Args:
            given: The value of :attr:`key`.
            mixers: The mixer of each stage.

        Raises:
            ValueError: No mixer takes the argument, or all have another value of their own.
        """
        if self.value is None:
            return
        if any(mixer and mixer.get(self.argument) == self.value for mixer in mixers):
            return
        raise ValueError(
            f'{self.name}={self.value!r} changes nothing beside {self.key}={given!r}, expected '
            f"no {self.name}, or '{self.argument}' in {self.key} if its mixer takes it"
        )


def build_mixer(cfg: Mapping[str, Any], channels: int, **defaults: Any) -> nn.Module:
    """Build a token mixer, an attention or a channel mixer.

    A mixer maps ``[T, B, C, H, W]`` to ``[T, B, C, H, W]``; a block adds the result to its input.

    Args:
        cfg: ``dict(type='SpikeSelfAttention', num_heads=8)`` and the like. The type is a class or
            the name of a registered class; the scope ``spikedense.`` is optional.
        channels: Number of channels C.
        **defaults: Arguments, such as ``neuron_cfg`` and ``norm_cfg``, for mixers that take them.
            Arguments in ``cfg`` override the defaults.

    Returns:
        The mixer.

    Raises:
        ValueError: The type or one of the arguments is not known.
    """
    if not isinstance(cfg, Mapping) or 'type' not in cfg:
        raise ValueError(f"mixer={cfg!r}, expected a dict with a 'type'")
    args = dict(cfg)
    kind = args.pop('type')
    cls = _resolve(kind)
    if cls is None:
        known = sorted(name for name, found in MODELS.module_dict.items() if _is_mixer(found))
        raise ValueError(f'mixer: type={kind!r}, expected a registered class, as {known}')
    accepted, open_ended = accepted_parameters(cls)
    for key in args:
        if key not in accepted and not open_ended:
            raise ValueError(f'{cls.__name__} has no {key!r}, expected some of {accepted}')
    fitting = {key: value for key, value in defaults.items() if key in accepted or open_ended}
    return cls(channels, **{**fitting, **args})


def _resolve(kind: Any) -> Any:
    """Return the class that a config's type names; None if there is none."""
    return kind if isinstance(kind, type) else MODELS.get(own_name(kind))


def _is_mixer(cls: Any) -> bool:
    names = ('layers.attention', 'layers.mixers')
    return isinstance(cls, type) and any(name in cls.__module__ for name in names)


def merged_cfg(given: Mapping[str, Any], default: MixerCfg) -> dict[str, Any]:
    """Complete the config of a mixer with a default config.

    A subclass of the default's class gets the arguments of the default, too, except those that the
    subclass declares in a constructor of its own: there, its own default is meant. Left out as well
    are those that its ``unused_arguments(given)`` names, if it has this class method.

    Args:
        given: The config of the user: another mixer with its type, or arguments of the default.
        default: The default mixer, or None for no mixer.

    Returns:
        ``given`` if it names a class that is not the default's or a subclass of it; else the
        default, updated by the arguments of ``given``.

    Raises:
        ValueError: There are arguments, but neither a type nor a default.
    """
    if default is None:
        if 'type' not in given:
            raise ValueError(f"mixer={dict(given)!r}, expected a 'type': there is no default here")
        return dict(given)
    cls, base = (_resolve(cfg.get('type', default['type'])) for cfg in (given, default))
    if cls is base:
        return {**default, **given}
    if not (isinstance(cls, type) and issubclass(cls, base)):
        return dict(given)
    own = _declared_below(cls, base)
    if hasattr(cls, 'unused_arguments'):
        own |= cls.unused_arguments(given)
    return {**{key: value for key, value in default.items() if key not in own}, **given}


def _declared_below(cls: type, base: type) -> set[str]:
    """Return the parameters of the constructors of a class and its bases, down to one base."""
    below = cls.__mro__[: cls.__mro__.index(base)]
    constructors = [vars(one)['__init__'] for one in below if '__init__' in vars(one)]
    return {name for init in constructors for name in inspect.signature(init).parameters}


def with_argument(mixer: MixerCfg, name: str, value: Any) -> MixerCfg:
    """Give an argument to a mixer that takes the argument and has no value for it.

    Args:
        mixer: Config of a mixer, or None.
        name: Name of the argument.
        value: Its value.

    Returns:
        The config, with the argument if the mixer takes it.
    """
    if mixer is None or name in mixer:
        return mixer
    cls = _resolve(mixer.get('type'))
    return {**mixer, name: value} if cls and name in accepted_parameters(cls)[0] else mixer


def per_stage(key: str, given: Any, defaults: Sequence[MixerCfg]) -> list[MixerCfg]:
    """Return the config of the mixer of each stage.

    Args:
        key: Name of the argument, for the error.
        given: One config for all stages that have a mixer by default; a list with one entry for
            each stage, None for no mixer; or None for the defaults.
        defaults: The default mixer of each stage, None for no mixer.

    Returns:
        A config or None for each stage.

    Raises:
        ValueError: ``given`` is neither a dict nor a list with one entry for each stage.
    """
    if given is None:
        return list(defaults)
    if isinstance(given, Mapping):
        return [None if default is None else merged_cfg(given, default) for default in defaults]
    if not isinstance(given, list | tuple) or len(given) != len(defaults):
        raise ValueError(
            f'{key}={given!r}, expected a dict, or a list with one entry for each of '
            f'{len(defaults)} stages'
        )
    return [
        None if one is None else merged_cfg(one, default)
        for one, default in zip(given, defaults, strict=True)
    ]
