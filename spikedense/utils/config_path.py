"""Finds the shipped configs: `configs/` of a checkout, `.mim/configs` of an installed wheel."""

import difflib
from pathlib import Path

PACKAGE_ROOT = Path(__file__).resolve().parents[1]
#: `SCOPE::NAME` names a shipped config, in `_base_` of a config and on a command line.
SCOPE = 'spikedense'

#: Names of the models that ship with their weights -> config, and checkpoint in the package.
SHIPPED_MODELS = {
    'demo': (
        'spike2former/spike2former_sdtv3-demo_1xb8-680i_demo-128x128.py',
        'weights/demo.pth',
    ),
}


def bare_name(name: str) -> str:
    """Remove ``spikedense/`` or ``spikedense::`` from the beginning of a name."""
    return name.removeprefix(f'{SCOPE}::').removeprefix(f'{SCOPE}/')


def config_root() -> Path:
    """Find the folder of the shipped configs.

    Returns:
        The repository's `configs/` for a checkout or an editable install, else the copy inside the
        installed package.

    Raises:
        FileNotFoundError: If neither folder exists.
    """
    checkout = PACKAGE_ROOT.parent
    # `setup.py` distinguishes a checkout from a site-packages folder that contains a `configs`.
    if (checkout / 'configs').is_dir() and (checkout / 'setup.py').is_file():
        return checkout / 'configs'
    shipped = PACKAGE_ROOT / '.mim' / 'configs'
    if shipped.is_dir():
        return shipped
    raise FileNotFoundError(
        'The shipped configs are missing: neither a checkout of spikedense nor an installed wheel '
        'with its configs was found; install spikedense again.'
    )


def list_configs() -> list[str]:
    """List the shipped configs that can be run, by their paths below `config_root()`."""
    root = config_root()
    paths = (path.relative_to(root) for path in root.rglob('*.py'))
    return sorted(path.as_posix() for path in paths if path.parts[0] != '_base_')


def resolve_config(name_or_path: str | Path) -> Path:
    """Find a config by its path, its path below the shipped configs, or its bare name.

    Args:
        name_or_path: A file; or `sdt_v3/NAME.py`, with or without `configs/` before it; or `NAME`,
            with or without `.py`. `spikedense::` before the name leaves out files of the user, and
            `spikedense/` those of other names. A model that ships with its weights has a short
            name, `demo`.

    Returns:
        The path of an existing file.

    Raises:
        FileNotFoundError: If there is no such config; the message names similar shipped configs.
        ValueError: If several shipped configs have the bare name.
    """
    if Path(name_or_path).is_file():
        return Path(name_or_path)
    path = Path(bare_name(str(name_or_path)))
    if path.as_posix() in SHIPPED_MODELS:
        return config_root() / SHIPPED_MODELS[path.as_posix()][0]
    known = list_configs()
    wanted = path.as_posix().removeprefix('./').removeprefix('configs/').removesuffix('.py') + '.py'
    if wanted in known or (config_root() / wanted).is_file():
        return config_root() / wanted
    matches = [name for name in known if Path(name).name == wanted]
    if len(matches) == 1:
        return config_root() / matches[0]
    if matches:
        raise ValueError(f"'{name_or_path}' names several configs: {', '.join(matches)}.")
    near = difflib.get_close_matches(wanted, known, n=3, cutoff=0.3)
    by_name = {Path(name).name: name for name in known}
    near_names = difflib.get_close_matches(Path(wanted).name, by_name, n=3, cutoff=0.6)
    near = list(dict.fromkeys([by_name[name] for name in near_names] + near))[:3]
    hint = f'the nearest shipped ones are {", ".join(near)}' if near else 'no shipped one is near'
    raise FileNotFoundError(f"There is no config '{name_or_path}'; {hint}.")


def shipped_weights(name: object) -> Path | None:
    """Return the checkpoint of a model that ships with its weights.

    Args:
        name: What names a model, by its short name or by that of its config; any object.

    Returns:
        The path of the checkpoint; None if no such model ships with its weights.
    """
    for short, (config, weights) in SHIPPED_MODELS.items():
        if str(name) in (short, Path(config).stem):
            return PACKAGE_ROOT / weights
    return None
