"""Predict on images: the same as `spikedense infer`."""

from spikedense.cli import command

main = command('infer')

if __name__ == '__main__':
    main()
