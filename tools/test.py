"""Test a checkpoint: the same as `spikedense test`."""

from spikedense.cli import command

main = command('test')

if __name__ == '__main__':
    main()
