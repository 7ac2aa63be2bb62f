"""The index of the backbones says what the classes are."""

from pathlib import Path

from spikedense.models.backbones import SDTV3Large
from spikedense.models.backbones.index import paper_of, render_backbones
from spikedense.registry import MODELS


def test_the_page_is_up_to_date(repo_root: Path) -> None:
    page = (repo_root / 'docs' / 'backbones.md').read_text(encoding='utf-8')
    assert render_backbones() == page, 'run python tools/dev/make_readmes.py'
    assert f'## {SDTV3Large.__name__}' in page
    assert "| `'Ti'` | 10,796,992 | 64, 192, 384 | 4, 8, 16 |" in page


def test_a_paper_is_an_attribute_or_a_venue_of_the_docstring() -> None:
    class Named:
        """A network (CVPR 2024)."""

    assert paper_of(Named) == 'CVPR 2024'
    assert paper_of(MODELS.get('SDTV3')).endswith('TPAMI 2025')
