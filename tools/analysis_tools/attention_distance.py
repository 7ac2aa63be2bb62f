"""Measure how far the attentions of a model look: the same as `spikedense distance`."""

from spikedense.cli import command

main = command('distance')

if __name__ == '__main__':
    main()
