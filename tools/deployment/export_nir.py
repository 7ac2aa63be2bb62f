"""Export convolutions and neurons to NIR: the same as `spikedense export nir`."""

from spikedense.commands.export_nir import main

if __name__ == '__main__':
    main()
