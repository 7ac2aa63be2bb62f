"""Train and test a small model on a generated data set: the same as `spikedense demo`."""

from spikedense.commands.demo import main

if __name__ == '__main__':
    main()
