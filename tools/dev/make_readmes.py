"""Write the results tables of ``configs/*/README.md``, and the indexes docs/zoo.md and
docs/backbones.md.

Examples:
    python tools/dev/make_readmes.py
    python tools/dev/make_readmes.py --check    # changes nothing; exit code 1 if a README is stale
"""

import argparse
import sys
from pathlib import Path

from spikedense.errors import UserError
from spikedense.models.backbones.index import render_backbones
from spikedense.utils.metafile import stale_readmes
from spikedense.utils.zoo import render_zoo

_CONFIGS = Path(__file__).resolve().parents[2] / 'configs'


def main(argv: list[str] | None = None) -> int:
    """Write or check the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--configs', type=Path, default=_CONFIGS, help='folder of the configs')
    parser.add_argument('--check', action='store_true', help='only say which README is stale')
    args = parser.parse_args(argv)
    if not args.configs.is_dir():
        print(f'make_readmes: --configs {str(args.configs)!r}: no such folder', file=sys.stderr)
        return 1
    try:
        stale = stale_readmes(args.configs)
    except UserError as error:
        print(f'make_readmes: {error}', file=sys.stderr)
        return 1
    if args.configs == _CONFIGS:
        pages = {'zoo.md': render_zoo(_CONFIGS), 'backbones.md': render_backbones()}
        for name, text in pages.items():
            page = _CONFIGS.with_name('docs') / name
            if not page.is_file() or page.read_text(encoding='utf-8') != text:
                stale[page] = text
    for readme, text in stale.items():
        if args.check:
            print(f'{readme}: stale, run python tools/dev/make_readmes.py', file=sys.stderr)
        else:
            readme.write_text(text, encoding='utf-8')
            print(f'{readme}: written')
    return 1 if args.check and stale else 0


if __name__ == '__main__':
    sys.exit(main())
