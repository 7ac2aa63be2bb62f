"""Package declaration: what is installed, from which requirements, with which data.

`pyproject.toml` holds the settings of the tools (build, ruff, mypy, pytest).
"""

import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
PACKAGE = 'spikedense'
CONFIG_SUFFIXES = ('.py', '.yml', '.md')


def read_version() -> str:
    """Read the version without importing the package."""
    text = (ROOT / PACKAGE / 'version.py').read_text(encoding='utf-8')
    match = re.search(r"^__version__ = '([^']+)'$", text, flags=re.MULTILINE)
    if match is None:
        raise RuntimeError(f'{PACKAGE}/version.py has no line `__version__ = ...`.')
    return match.group(1)


def read_requirements(name: str) -> list[str]:
    """Read the requirement lines of `requirements/<name>.txt`."""
    lines = (ROOT / 'requirements' / f'{name}.txt').read_text(encoding='utf-8').splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith('#')]


def config_files() -> list[Path]:
    """List the files that a wheel ships under `spikedense/.mim`, relative to the root."""
    files = [p for p in (ROOT / 'configs').rglob('*') if p.suffix in CONFIG_SUFFIXES]
    index = ROOT / 'model-index.yml'
    files = sorted(p.relative_to(ROOT) for p in files if '__pycache__' not in p.parts)
    return [Path(index.name), *files] if index.exists() else files


class BuildPyWithConfigs(build_py):
    """Build the package and put the configs beside it, as `spikedense/.mim/configs`.

    Only wheels contain this copy of the repository's `configs/`. An editable install reads the
    configs of the repository. OpenMMLab's tools look for a folder of this name.
    """

    def run(self) -> None:
        """Copy the modules, then the configs."""
        super().run()
        if self.editable_mode:
            return
        target = Path(self.build_lib) / PACKAGE / '.mim'
        # The folder of an earlier build may hold configs that do not exist any more.
        shutil.rmtree(target, ignore_errors=True)
        for source in config_files():
            (target / source).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / source, target / source)

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        """List the built files, the configs included."""
        outputs = super().get_outputs(include_bytecode)
        if self.editable_mode:
            return outputs
        target = Path(self.build_lib) / PACKAGE / '.mim'
        return [*outputs, *(str(target / source) for source in config_files())]


setup(
    name=PACKAGE,
    version=read_version(),
    description='Spiking networks for dense prediction: a plug-in of mmseg, mmdet and mmpretrain',
    long_description=(ROOT / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    author='spikedense contributors',
    license='Apache-2.0',
    license_files=['LICENSE'],
    python_requires='>=3.11',
    packages=find_packages(include=[PACKAGE, f'{PACKAGE}.*']),
    package_data={
        **{f'{PACKAGE}.{room}': ['*.j2'] for room in ('analysis.erf', 'report', 'utils')},
        f'{PACKAGE}.weights': ['*.pth'],
    },
    install_requires=read_requirements('runtime'),
    extras_require={name: read_requirements(name) for name in ('deploy', 'dev')},
    entry_points={'console_scripts': [f'{PACKAGE} = {PACKAGE}.cli:main']},
    cmdclass={'build_py': BuildPyWithConfigs},
    classifiers=[
        'Development Status :: 3 - Alpha',
        'Intended Audience :: Science/Research',
        'Programming Language :: Python :: 3',
        'Programming Language :: Python :: 3.11',
        'Topic :: Scientific/Engineering :: Artificial Intelligence',
        'Topic :: Scientific/Engineering :: Image Recognition',
    ],
)
