"""What is installed, and how: requirements, the wheel, the environment script's refusals."""

import ast
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from email.message import Message
from email.parser import Parser
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from spikedense.utils.mmcv_ops import OPS_COMMAND
from spikedense.version import __version__

# Runs in a fresh interpreter whose spikedense is the unpacked wheel.
PROBE = """
import sys
import spikedense
assert 'torch' not in sys.modules and 'mmengine' not in sys.modules, 'spikedense imports too much'
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.registry import MODELS
from spikedense.utils import config_root, resolve_config
assert config_root().parts[-2:] == ('.mim', 'configs'), config_root()
config = Config.fromfile(resolve_config(sys.argv[1]))
config.model.backbone.init_cfg = None
init_default_scope(config.default_scope)
model = MODELS.build(config.model)
print(spikedense.__file__, type(model.backbone).__name__)
"""
PROBE_DETECTOR = 'mask_rcnn/mask-rcnn_sdtv3-19m_2xb4-12e_coco-1333x800.py'
PROBE_CONFIG = 'sdt_v3/fpn_sdtv3-5m_1xb16-5k_camvid-480x360.py'


def read_requirements(root: Path, name: str) -> dict[str, Requirement]:
    lines = (root / 'requirements' / f'{name}.txt').read_text(encoding='utf-8').splitlines()
    parsed = [Requirement(line) for line in lines if line.strip() and not line.startswith('#')]
    return {requirement.name: requirement for requirement in parsed}


def run(command: list[str], cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=cwd, env={**os.environ, **env}, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope='module')
def wheel(repo_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy of the sources, in which an old build has left a config behind."""
    tree = tmp_path_factory.mktemp('sources') / 'spikedense'
    tree.mkdir()
    for name in ('spikedense', 'configs', 'requirements'):
        ignore = shutil.ignore_patterns('__pycache__')
        shutil.copytree(repo_root / name, tree / name, ignore=ignore)
    for name in ('setup.py', 'pyproject.toml', 'README.md', 'LICENSE', 'model-index.yml'):
        shutil.copy(repo_root / name, tree)
    stale = tree / 'build' / 'lib' / 'spikedense' / '.mim' / 'configs' / 'removed_since.py'
    stale.parent.mkdir(parents=True)
    stale.write_text('')
    options = ['--no-deps', '--no-build-isolation', '--no-index', '-w', str(tree / 'dist')]
    done = run([sys.executable, '-m', 'pip', 'wheel', *options, str(tree)], tree)
    assert done.returncode == 0, done.stdout + done.stderr
    return next((tree / 'dist').glob('*.whl'))


def read_metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        name = next(n for n in archive.namelist() if n.endswith('.dist-info/METADATA'))
        return Parser().parsestr(archive.read(name).decode())


def test_wheel_ships_every_config_and_no_other_folder(wheel: Path, repo_root: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    files = [p for p in (repo_root / 'configs').rglob('*') if p.suffix in ('.py', '.yml', '.md')]
    files = [p.relative_to(repo_root).as_posix() for p in files if '__pycache__' not in p.parts]
    shipped = {n.removeprefix('spikedense/.mim/') for n in names if '/.mim/' in n}
    assert files and shipped == {'model-index.yml', *files}
    assert {n.split('/')[0] for n in names} == {'spikedense', f'spikedense-{__version__}.dist-info'}


def test_wheel_ships_every_module(wheel: Path, repo_root: Path) -> None:
    """A package folder without `__init__.py` would be left out without a word."""
    names = set(zipfile.ZipFile(wheel).namelist())
    modules = {
        p.relative_to(repo_root).as_posix() for p in (repo_root / 'spikedense').rglob('*.py')
    }
    assert modules - names == set()


def test_wheel_metadata_asks_for_onedl_and_no_build_pins(wheel: Path, repo_root: Path) -> None:
    metadata = read_metadata(wheel)
    asked = [Requirement(text) for text in metadata.get_all('Requires-Dist')]
    always = {r.name for r in asked if r.marker is None}
    assert always == set(read_requirements(repo_root, 'runtime'))
    libraries = {'mmengine', 'mmcv', 'mmsegmentation', 'mmpretrain', 'mmdetection'}
    assert {f'onedl-{name}' for name in libraries} <= always
    extras = {str(r.marker).split('"')[1] for r in asked if r.marker}
    assert extras == {'deploy', 'dev'}
    assert metadata['Version'] == __version__
    assert metadata['Requires-Python'] == '>=3.11'


def test_model_is_built_from_a_shipped_config(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / 'site')
    command = [sys.executable, '-W', 'ignore', '-c', PROBE, PROBE_CONFIG]
    done = run(command, tmp_path, PYTHONPATH=str(tmp_path / 'site'))
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(tmp_path / 'site/spikedense/__init__.py'), 'SDTV3']


def test_lock_agrees_with_the_ranges(repo_root: Path) -> None:
    lock = read_requirements(repo_root, 'lock')
    for name in ('runtime', 'deploy', 'dev', 'build', 'bootstrap'):
        for requirement in read_requirements(repo_root, name).values():
            if requirement.name == 'opencv-python':
                continue  # replaced by its headless twin
            pin = next(iter(lock[requirement.name].specifier)).version
            assert requirement.specifier.contains(pin), (requirement, pin)
    assert 'opencv-python' not in lock and 'opencv-python-headless' in lock


def test_what_is_imported_is_asked_for(repo_root: Path) -> None:
    imported = set()
    for file in (repo_root / 'spikedense').rglob('*.py'):
        for node in ast.walk(ast.parse(file.read_text(encoding='utf-8'))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition('.')[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                imported.add(node.module.partition('.')[0])
    asked = {
        requirement
        for name in ('runtime', 'deploy')
        for requirement in read_requirements(repo_root, name)
    }
    distributions = packages_distributions()
    lacking = {
        name
        for name in imported - {*sys.stdlib_module_names, 'spikedense'}
        if not asked & {found.lower().removesuffix('-headless') for found in distributions[name]}
    }
    # The doctor and `make-patches` import these where they are there, and say how to get them.
    assert lacking <= {'packaging', 'skimage'}


def test_mmcv_and_setuptools_are_the_same_everywhere(repo_root: Path) -> None:
    assert OPS_COMMAND.endswith(str(read_requirements(repo_root, 'lock')['onedl-mmcv']))
    settings = tomllib.loads((repo_root / 'pyproject.toml').read_text(encoding='utf-8'))
    (bound,) = settings['build-system']['requires']
    assert f"'{bound}'" in OPS_COMMAND
    pin = next(iter(read_requirements(repo_root, 'build')['setuptools'].specifier)).version
    assert Requirement(bound).specifier.contains(pin)


def setup_env(repo_root: Path, *words: str, **env: str) -> tuple[int, str]:
    done = run(['bash', str(repo_root / 'tools/dev/setup_env.sh'), *words], repo_root, **env)
    return done.returncode, done.stderr


def test_environment_script_refuses_an_old_python(repo_root: Path, tmp_path: Path) -> None:
    old = tmp_path / 'python-old'
    old.write_text('#!/bin/sh\nif [ "$1" = -V ]; then echo Python 3.9.2; else exit 1; fi\n')
    old.chmod(0o755)
    code, said = setup_env(repo_root, PYTHON=str(old), VENV=str(tmp_path / 'venv'))
    assert code != 0 and 'Python 3.11 or newer is needed' in said and '3.9.2' in said
    assert not (tmp_path / 'venv').exists()


@pytest.mark.parametrize(
    ('word', 'sentence'),
    [('ops', 'no C++ compiler found'), ('opps', "unknown argument 'opps'")],
)
def test_environment_script_refuses_at_once(
    word: str, sentence: str, repo_root: Path, tmp_path: Path
) -> None:
    """Only mmcv's own operators need a compiler."""
    given = dict(PYTHON=sys.executable, VENV=str(tmp_path / 'venv'), CXX='no-such-compiler')
    code, said = setup_env(repo_root, word, **given)
    assert code != 0 and sentence in said and len(said.strip().splitlines()) == 1
    assert not (tmp_path / 'venv').exists()


def test_environment_script_leaves_a_strange_folder_alone(repo_root: Path, tmp_path: Path) -> None:
    kept = tmp_path / 'mine' / 'notes.txt'
    kept.parent.mkdir()
    kept.write_text('kept')
    code, said = setup_env(repo_root, PYTHON=sys.executable, VENV=str(kept.parent))
    assert code != 0 and 'was not made by this script' in said
    assert kept.read_text() == 'kept'


@pytest.mark.slow
def test_wheel_in_an_environment_of_its_own(wheel: Path, tmp_path: Path) -> None:
    """The wheel with its dependencies: the doctor is content, two models are built."""
    uv = Path(sys.executable).with_name('uv')
    if not uv.exists():
        pytest.skip('no uv beside this interpreter; run it in the environment of `make env`')
    python = tmp_path / 'venv' / 'bin' / 'python'
    for command in (
        [sys.executable, '-m', 'venv', '--without-pip', str(tmp_path / 'venv')],
        [str(uv), 'pip', 'install', '--python', str(python), str(wheel)],
        [str(python.with_name('spikedense')), 'doctor'],
        [str(python), '-W', 'ignore', '-c', PROBE, PROBE_CONFIG],
        [str(python), '-W', 'ignore', '-c', PROBE, PROBE_DETECTOR],
    ):
        done = run(command, tmp_path, PYTHONPATH='')
        assert done.returncode == 0, f'{command}\n{done.stdout}{done.stderr}'


# A base by name, so that the folder of the run needs no other file.
OWN_CONFIG = """
_base_ = 'spikedense::sdt_v3/fpn_sdtv3-demo_1xb8-300i_demo-128x128.py'
train_cfg = dict(max_iters=6, val_interval=6)
train_dataloader = dict(num_workers=0, persistent_workers=False)
"""


@pytest.mark.slow
def test_demo_in_an_empty_folder_of_an_environment_of_its_own(wheel: Path, tmp_path: Path) -> None:
    uv = Path(sys.executable).with_name('uv')
    if not uv.exists():
        pytest.skip('no uv beside this interpreter; run it in the environment of `make env`')
    python, folder = tmp_path / 'venv' / 'bin' / 'python', tmp_path / 'empty'
    folder.mkdir()
    (folder / 'own.py').write_text(OWN_CONFIG)
    for command in (
        [sys.executable, '-m', 'venv', '--without-pip', str(tmp_path / 'venv')],
        [str(uv), 'pip', 'install', '--python', str(python), str(wheel)],
        [str(python.with_name('spikedense')), 'demo', '--config', 'own.py'],
    ):
        done = run(command, folder, PYTHONPATH='')
        assert done.returncode == 0, f'{command}\n{done.stdout}{done.stderr}'
    assert {path.name for path in folder.iterdir()} == {'own.py', 'data', 'work_dirs'}
    assert len(list((folder / 'work_dirs/demo/overlays').glob('*.png'))) == 50
