"""Convert an official checkpoint: the same as `spikedense convert`."""

from spikedense.cli import command

main = command('convert')

if __name__ == '__main__':
    main()
