"""A checkpoint for other people: weights and facts, nothing of the machine and of the training."""

import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from spikedense.checkpoint_files import flaw, plain, to_strings, write_safetensors
from spikedense.checks.checkpoint import existing_checkpoint
from spikedense.checks.config import open_config
from spikedense.checks.model import build_model
from spikedense.checks.out_file import check_out_file
from spikedense.deploy import as_saved, is_twin
from spikedense.errors import UserError
from spikedense.utils.config_text import read_config_text
from spikedense.utils.files import sha256_of
from spikedense.utils.wording import some_of
from spikedense.version import __version__
from spikedense.weights import CONVERTED_FROM, SETTINGS, check, read_checkpoint, read_state_dict

SUFFIXES = ('.safetensors', '.pth')
#: Digits of the checksum in the name of the file, as in the names of OpenMMLab.
_DIGITS = 8
#: mmengine's name of an experiment: the config and the start of the run.
_START = re.compile(r'_\d{8}_\d{6}$')
_ABSOLUTE = re.compile(r'(/|~|[A-Za-z]:[\\/]|file://)')
#: Parts of a config that describe the model.
_PARTS = ('default_scope', 'data_preprocessor', 'model')
#: Keys of a model that name files for its initialisation.
_FILES = ('init_cfg', 'pretrained')
_NAMES = ('classes', 'palette', 'thing_classes', 'stuff_classes')


@dataclass(frozen=True)
class Published:
    """A published file.

    Attributes:
        path: The file.
        sha256: Its checksum, whose first digits are in the name.
        tensors: Number of its tensors.
        meta: The facts in it.
    """

    path: Path
    sha256: str
    tensors: int
    meta: dict[str, Any]


def publish(source: str, target: str | Path, config: str | None = None) -> Published:
    """Write the weights of a checkpoint and the facts that describe them.

    mmengine saves the averaged weights of a run with an ``EMAHook`` as the state dict, so these are
    the published ones.

    Args:
        source: Path or address of a checkpoint, also one of a spike-driven twin.
        target: Name of the file without the checksum: ``NAME.safetensors`` or ``NAME.pth``.
        config: Config of the weights, if the checkpoint does not hold it. All weights must fit its
            model.

    Returns:
        The file, which is ``NAME-XXXXXXXX`` with eight digits of the checksum.

    Raises:
        UserError: A file cannot be read or written, the weights do not fit, or a weight is not
            finite or no tensor.
    """
    target = Path(target)
    if target.suffix not in SUFFIXES:
        raise UserError(f"target '{target}': expected a name that ends in {' or '.join(SUFFIXES)}")
    check_out_file('target', target, inputs=[source])
    checkpoint = read_checkpoint(existing_checkpoint(source))
    state = _finite(read_state_dict(checkpoint), source)
    meta = _facts(checkpoint)
    if config is not None:
        cfg = open_config(config)
        model = as_saved(build_model(cfg), checkpoint)
        check(model, state, source, every_part=True, name=f"the model of '{config}'")
        meta.update(_facts_of_config(cfg.to_dict()), config_name=Path(config).stem)
    # In the same folder, so that the last step is a renaming.
    with tempfile.TemporaryDirectory(dir=target.parent, prefix='.publish-') as folder:
        # The name is always the same, because torch writes the name of a file into the file.
        part = Path(folder, f'published{target.suffix}')
        if target.suffix == '.pth':
            torch.save({'meta': meta, 'state_dict': plain(state)}, part)
        else:
            write_safetensors(part, state, to_strings(meta, state))
        damage = flaw(part)
        if damage is not None:
            raise UserError(f"cannot write '{target}': {damage}")
        sha256 = str(sha256_of(part))
        path = target.with_name(f'{target.stem}-{sha256[:_DIGITS]}{target.suffix}')
        os.replace(part, path)
    return Published(path, sha256, len(state), meta)


def _finite(state: Mapping[str, Any], source: str) -> Mapping[str, Tensor]:
    """Refuse a state dict without tensors, with others than tensors, or with NaN or infinity."""
    if not state:
        raise UserError(f"'{source}' holds no weights, expected a checkpoint with a state_dict")
    others = [key for key, value in state.items() if not isinstance(value, Tensor)]
    if others:
        raise UserError(f"'{source}' holds more than tensors in its state_dict: {some_of(others)}")
    broken = [key for key, value in state.items() if not bool(torch.isfinite(value).all())]
    if broken:
        raise UserError(
            f"'{source}' has weights that are not finite: {len(broken)} of {len(state)} tensors "
            f'({some_of(broken)})'
        )
    return state


def _facts(checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts that a checkpoint tells of itself."""
    meta = checkpoint.get('meta') or {}
    facts: dict[str, Any] = {'spikedense_version': __version__}
    if isinstance(meta.get('experiment_name'), str):
        facts['config_name'] = _START.sub('', meta['experiment_name'])
    elif isinstance(meta.get('config_name'), str):
        facts['config_name'] = meta['config_name']
    known = {str(key).lower(): value for key, value in (meta.get('dataset_meta') or {}).items()}
    names = {key: plain(known.get(key)) for key in _NAMES}
    if any(names.values()):
        facts['dataset_meta'] = {key: value for key, value in names.items() if value}
    if isinstance(meta.get(SETTINGS), dict):
        facts[SETTINGS] = plain(meta[SETTINGS])
    if isinstance(meta.get(CONVERTED_FROM), dict):
        facts[CONVERTED_FROM] = plain(meta[CONVERTED_FROM])
    if is_twin(checkpoint):
        facts['spike_inference'] = True
    if isinstance(meta.get('cfg_text'), str):
        facts.update(_facts_of_config(read_config_text(meta['cfg_text'])))
    return facts


def _facts_of_config(cfg: Mapping[str, Any]) -> dict[str, Any]:
    """Return the description of a model and its neurons."""
    parts = {key: _without_files(cfg[key]) for key in _PARTS if cfg.get(key)}
    if 'model' not in parts:
        return {}
    found = {json.dumps(each, sort_keys=True, default=str) for each in _neurons(parts['model'])}
    return {
        # In the form that mmengine gives the config of a run.
        'cfg': ''.join(f'{key} = {value!r}\n' for key, value in parts.items()),
        'neurons': [json.loads(each) for each in sorted(found)],
    }


def _neurons(node: Any) -> Iterator[Any]:
    """Find the configs of neurons in the config of a model."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            if key == 'neuron_cfg' and value:
                yield value
            yield from _neurons(value)
    elif isinstance(node, list | tuple):
        for each in node:
            yield from _neurons(each)


def _without_files(node: Any) -> Any:
    """Copy a part of a config without the files and folders of a machine."""
    if isinstance(node, Mapping):
        return {
            key: _without_files(value)
            for key, value in node.items()
            if key not in _FILES and not (isinstance(value, str) and _ABSOLUTE.match(value))
        }
    if isinstance(node, list | tuple):
        return type(node)(_without_files(each) for each in node)
    # Configs in pure Python have classes in the places of their names.
    return f'{node.__module__}.{node.__qualname__}' if isinstance(node, type) else node
