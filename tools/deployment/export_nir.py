"""Export convolutions and neurons to NIR: the same as `spikedense export nir`."""

from spikedense.cli import command

main = command('export nir')

if __name__ == '__main__':
    main()
