"""Train a config: the same as `spikedense train`."""

from spikedense.cli import command

main = command('train')

if __name__ == '__main__':
    main()
