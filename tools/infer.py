"""Predict on images: the same as `spikedense infer`."""

from spikedense.commands.infer import main

if __name__ == '__main__':
    main()
