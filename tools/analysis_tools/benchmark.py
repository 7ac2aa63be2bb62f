"""Measure time and memory of a config: the same as `spikedense benchmark`."""

from spikedense.commands.benchmark import main

if __name__ == '__main__':
    main()
