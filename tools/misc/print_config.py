"""Print a merged config: the same as `spikedense print-config`."""

from spikedense.cli import command

main = command('print-config')

if __name__ == '__main__':
    main()
