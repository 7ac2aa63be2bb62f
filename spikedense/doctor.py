"""`spikedense doctor`: what is installed, what is wrong and how to mend it.

`collect` imports modules and gathers facts. The checks only read these facts, so tests can run the
checks on made-up facts.
"""

import argparse
import importlib
import importlib.metadata
import platform
import re
import sys
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from .utils.mmcv_ops import OPS_COMMAND, has_compiled_operators, torchvision_misfit
from .version import __version__

# Import name -> distributions that install it. spikedense is tested with the last of them.
MM_DISTRIBUTIONS = {
    'mmengine': ('mmengine', 'mmengine-lite', 'onedl-mmengine'),
    'mmcv': ('mmcv', 'mmcv-full', 'mmcv-lite', 'onedl-mmcv'),
    'mmseg': ('mmsegmentation', 'onedl-mmsegmentation'),
    'mmpretrain': ('mmpretrain', 'mmcls', 'onedl-mmpretrain'),
    'mmdet': ('mmdet', 'onedl-mmdetection'),
}
OPENCV_DISTRIBUTIONS = (
    'opencv-python',
    'opencv-python-headless',
    'opencv-contrib-python',
    'opencv-contrib-python-headless',
)
OTHER_DISTRIBUTIONS = ('torch', 'torchvision', 'numpy', 'spikingjelly')
# Not required, but mmpretrain loads its multimodal models beside it.
TRANSFORMERS = 'transformers'
HEADLESS = "'opencv-python-headless>=4.13,<5'"

# Modules that must import.
MODULES = (
    'torch',
    'torchvision',
    'cv2',
    'mmengine',
    'mmcv.ops',
    'mmseg.models',
    'mmpretrain.models',
    'mmdet.models',
)


@dataclass(frozen=True)
class Facts:
    """What was found on this machine.

    Args:
        versions: Distribution name -> installed version.
        errors: Module name -> error of its import, for modules that do not import.
        compiled: Whether mmcv has compiled operators. Otherwise those of torchvision are used.
        requirements: Requirement strings of spikedense.
        device: Name of the device that torch uses.
    """

    versions: dict[str, str]
    errors: dict[str, str] = field(default_factory=dict)
    compiled: bool = False
    requirements: tuple[str, ...] = ()
    device: str = 'CPU'


@dataclass(frozen=True)
class Problem:
    """A problem, and the command or action that mends it."""

    what: str
    fix: str


def _import_error(module: str) -> str | None:
    """Import a module and return the error in one line, or None if it imports."""
    try:
        importlib.import_module(module)
    except Exception as error:
        lines = str(error).strip().splitlines() or ['no message']
        return f'{type(error).__name__}: {lines[-1]}'
    return None


def _device() -> str:
    try:
        import torch

        if torch.cuda.is_available():
            return torch.cuda.get_device_name(0)
    except Exception:
        return 'nothing (torch does not import)'
    return 'CPU'


def collect() -> Facts:
    """Look up the distributions and try the imports."""
    names = [name for group in MM_DISTRIBUTIONS.values() for name in group]
    versions = {}
    for name in (*OTHER_DISTRIBUTIONS, *OPENCV_DISTRIBUTIONS, *names, TRANSFORMERS, 'spikedense'):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    requirements = importlib.metadata.requires('spikedense') if 'spikedense' in versions else []
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        tried = {name: _import_error(name) for name in MODULES}
    return Facts(
        versions=versions,
        errors={name: error for name, error in tried.items() if error},
        compiled=has_compiled_operators(),
        requirements=tuple(requirements or ()),
        device=_device(),
    )


def _installed(facts: Facts, names: Iterable[str]) -> list[str]:
    return [name for name in names if name in facts.versions]


def _asked_for(facts: Facts, name: str) -> str:
    """Return the requirement of spikedense on a distribution, without the marker."""
    texts = (text.partition(';')[0].strip() for text in facts.requirements)
    return next((text for text in texts if re.match(rf'{re.escape(name)}(?![\w-])', text)), name)


def _install_command(facts: Facts, name: str) -> str:
    """Return the command that installs a distribution; mmcv is compiled if it was compiled."""
    if name == 'onedl-mmcv' and facts.compiled:
        return OPS_COMMAND
    if name in ('torch', 'torchvision'):
        # A torchvision is built for one torch. Asked for both, pip chooses a matching pair.
        return f"pip install '{_asked_for(facts, 'torch')}' '{_asked_for(facts, 'torchvision')}'"
    return f"pip install '{_asked_for(facts, name)}'"


def check_mm_twins(facts: Facts) -> list[Problem]:
    """Find upstream distributions. They install the same modules as the onedl distributions."""
    problems = []
    for module, names in MM_DISTRIBUTIONS.items():
        found, wanted = _installed(facts, names), names[-1]
        upstream = [name for name in found if name != wanted]
        if not upstream:
            continue
        # Both share files, so uninstall both, then install the wanted one again.
        fix = f'pip uninstall -y {" ".join(found)} && {_install_command(facts, wanted)}'
        if len(found) > 1:
            what = f'{" and ".join(found)} are both installed and overwrite each other as {module}.'
        else:
            what = f'{module} comes from {found[0]}; spikedense is tested with {wanted} only.'
        problems.append(Problem(what, fix))
    return problems


def check_opencv(facts: Facts) -> list[Problem]:
    """Check that exactly one distribution of OpenCV is installed, and that it loads."""
    found, error = _installed(facts, OPENCV_DISTRIBUTIONS), facts.errors.get('cv2', '')
    swap = f'pip uninstall -y {" ".join(found)} && pip install {HEADLESS}'
    if not found:
        missing = Problem('OpenCV (cv2) is not installed.', f'pip install {HEADLESS}')
        return [missing] if error else []
    if len(found) > 1:
        what = f'{" and ".join(found)} are installed together and share one folder, cv2.'
        return [Problem(what, swap)]
    if '.so' in error and 'cannot open shared object' in error:
        library = error.split(': cannot open')[0].split()[-1]
        what = f'OpenCV ({found[0]}) needs the system library {library}, which is missing.'
        return [Problem(what, f'{swap} (or install the library; libGL is in Debian: libgl1)')]
    if error:
        fix = f'pip install --force-reinstall --no-deps {found[0]}=={facts.versions[found[0]]}'
        return [Problem(f'OpenCV is installed and does not load ({error}).', fix)]
    return []


def check_requirements(facts: Facts) -> list[Problem]:
    """Check that every requirement of spikedense is installed in an allowed version."""
    try:
        from packaging.requirements import Requirement
    except ImportError:
        return [Problem('The library packaging is not installed.', 'pip install packaging')]
    problems = []
    for text in facts.requirements:
        requirement = Requirement(text)
        name = requirement.name
        known = name in (*OTHER_DISTRIBUTIONS, *(n[-1] for n in MM_DISTRIBUTIONS.values()))
        if not known or (requirement.marker and not requirement.marker.evaluate({'extra': ''})):
            continue
        version = facts.versions.get(name)
        if version is None:
            what = f'{name} is not installed.'
        elif not requirement.specifier.contains(version, prereleases=True):
            what = f'{name} is {version}, and spikedense needs {requirement.specifier}.'
        else:
            continue
        problems.append(Problem(what, _install_command(facts, name)))
    return problems


def check_torchvision(facts: Facts) -> list[Problem]:
    """Check that torchvision fits torch: a misfit shows when torchvision is imported."""
    known = {'torch', 'torchvision'} <= facts.versions.keys() and 'torch' not in facts.errors
    if not known or 'torchvision' not in facts.errors:
        return []
    what, fix = torchvision_misfit()
    return [Problem(f'{what} ({facts.errors["torchvision"]}).', fix)]


def check_operators(facts: Facts) -> list[Problem]:
    """Check that mmcv's compiled operators load."""
    error = facts.errors.get('mmcv.ops')
    needed = {'torch', 'torchvision', 'cv2', 'mmengine'}
    if not facts.compiled or error is None or facts.errors.keys() & needed:
        return []
    what = f"mmcv's operators do not load ({error})"
    if 'undefined symbol' in error:
        what += '; they were compiled against another torch'
    return [Problem(f'{what}.', OPS_COMMAND)]


def check_transformers(facts: Facts) -> list[Problem]:
    """Check that mmpretrain loads its multimodal models, if transformers is installed."""
    version, error = facts.versions.get(TRANSFORMERS), facts.errors.get('mmpretrain.models')
    needed = {'torch', 'torchvision', 'cv2', 'mmengine', 'mmcv.ops'}
    if version is None or error is None or facts.errors.keys() & needed:
        return []
    what = f'mmpretrain.models does not import beside transformers {version} ({error}).'
    return [Problem(what, "pip install 'transformers<5' (or pip uninstall -y transformers)")]


def check_imports(facts: Facts) -> list[Problem]:
    """Find modules that do not import for a reason that no other check explains."""
    problems = []
    for module in MODULES:
        if module in facts.errors and module != 'cv2':
            name = MM_DISTRIBUTIONS.get(module.split('.')[0], (module,))[-1]
            what = f'{module} does not import ({facts.errors[module]}).'
            problems.append(Problem(what, f'pip install --force-reinstall --no-deps {name}'))
    return problems


CHECKS: tuple[Callable[[Facts], list[Problem]], ...] = (
    check_mm_twins,
    check_opencv,
    check_requirements,
    check_torchvision,
    check_operators,
    check_transformers,
)


def find_problems(facts: Facts) -> list[Problem]:
    """Run all checks. Report import errors only if no check found a cause."""
    problems = [problem for check in CHECKS for problem in check(facts)]
    return problems or check_imports(facts)


def report(facts: Facts, problems: Sequence[Problem]) -> str:
    """Write the report that the command prints."""
    head = f'spikedense {__version__}, Python {platform.python_version()}, on {facts.device}'
    lines = [head, '', 'Installed']
    lines += [f'  {name:<28} {version}' for name, version in facts.versions.items()]
    operators = 'compiled' if facts.compiled else "torchvision's (`make ops` compiles mmcv's own)"
    lines.append(f'  {"operators of mmcv":<28} {operators}')
    lines += ['', 'Problems' if problems else 'Problems: none']
    for found in problems:
        lines += [f'  - {found.what}', f'    mend it: {found.fix}']
    return '\n'.join(lines)


def run() -> int:
    """Print the report.

    Returns:
        0 if there is no problem, else 1.
    """
    facts = collect()
    problems = find_problems(facts)
    print(report(facts, problems))
    return 1 if problems else 0


def main(argv: Sequence[str] | None = None, prog: str = 'spikedense doctor') -> int:
    """Run `python -m spikedense.doctor`."""
    parser = argparse.ArgumentParser(prog=prog, description=__doc__)
    parser.parse_args(argv)
    return run()


if __name__ == '__main__':
    sys.exit(main())
