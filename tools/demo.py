"""Train and test a small model on a generated data set: the same as `spikedense demo`."""

from spikedense.cli import command

main = command('demo')

if __name__ == '__main__':
    main()
