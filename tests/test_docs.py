"""What the pages name is there: links, files, commands."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [*ROOT.glob('*.md'), *ROOT.glob('docs/*.md'), *ROOT.glob('configs/*/README.md')]
ADDRESS = re.compile(r'^[a-z]+:')


def page_id(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.fixture(scope='module')
def make_targets() -> set[str]:
    said = subprocess.run(['make', 'help'], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(re.findall(r'^  make ([a-z-]+)', said.stdout, flags=re.MULTILINE))


@pytest.mark.parametrize('page', PAGES, ids=page_id)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r'\]\(([^)#]+)(?:#[^)]*)?\)', page.read_text(encoding='utf-8'))
    local = [target for target in targets if not ADDRESS.match(target)]
    assert [target for target in local if not (page.parent / target).exists()] == []


@pytest.mark.parametrize('page', PAGES, ids=page_id)
def test_named_files_exist(page: Path) -> None:
    text = page.read_text(encoding='utf-8')
    named = set(re.findall(r'(?<![\w./-])(?:tools|configs|requirements)/[\w./-]+\.\w+', text))
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


@pytest.mark.parametrize('page', PAGES, ids=page_id)
def test_make_targets_exist(page: Path, make_targets: set[str]) -> None:
    text = page.read_text(encoding='utf-8')
    lines = re.findall(r'(?:^    |`)(?:\w+=\S+ )*make ([a-z -]+)', text, flags=re.MULTILINE)
    named = {word for line in lines for word in line.split('#')[0].split()}
    assert named <= make_targets
