"""Measure time and memory of a config: the same as `spikedense benchmark`."""

from spikedense.cli import command

main = command('benchmark')

if __name__ == '__main__':
    main()
