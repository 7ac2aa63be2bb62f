"""Write the weights that ship with the package from a checkpoint of the demo.

Weights of layers are stored in float16, norms and buffers in float32, so that the file stays small.
The score of the file is recorded in `configs/spike2former/metafile.yml`. The shipped weights are
from a longer run than that of `make demo`.

Example:
    spikedense demo --config spike2former_sdtv3-demo_1xb8-680i_demo-128x128
    python tools/dev/ship_demo.py work_dirs/demo/iter_680.pth
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

from spikedense.commands import report_errors
from spikedense.utils.config_path import shipped_weights
from spikedense.utils.files import complete_or_absent
from spikedense.weights import read_checkpoint, read_state_dict


def main(argv: Sequence[str] | None = None) -> None:
    """Write the file.

    Args:
        argv: The words after the program's name.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('checkpoint', help='the last checkpoint of `spikedense demo`')
    parser.add_argument('--out', type=Path, default=shipped_weights('demo'), help='the file')
    args = parser.parse_args(argv)
    with report_errors():
        state = read_state_dict(read_checkpoint(args.checkpoint))
        small = {key: value.half() if value.dim() > 1 else value for key, value in state.items()}
        with complete_or_absent(args.out) as temporary:
            torch.save(dict(state_dict=small), temporary)
    print(f'{args.out}: {args.out.stat().st_size / 1e6:.2f} MB')


if __name__ == '__main__':
    main()
