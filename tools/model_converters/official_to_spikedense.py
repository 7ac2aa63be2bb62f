"""Convert an official checkpoint: the same as `spikedense convert`."""

from spikedense.commands.convert import main

if __name__ == '__main__':
    main()
