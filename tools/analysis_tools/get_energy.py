"""Count and price operations: the same as `spikedense energy`."""

from spikedense.cli import command

main = command('energy')

if __name__ == '__main__':
    main()
