"""Measure the receptive fields of layers, in space and time: the same as `spikedense erf`."""

from spikedense.cli import command

main = command('erf')

if __name__ == '__main__':
    main()
