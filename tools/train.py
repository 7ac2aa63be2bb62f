"""Train a config: the same as `spikedense train`."""

from spikedense.commands.train import main

if __name__ == '__main__':
    main()
