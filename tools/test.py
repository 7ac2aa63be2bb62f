"""Test a checkpoint: the same as `spikedense test`."""

from spikedense.commands.test import main

if __name__ == '__main__':
    main()
