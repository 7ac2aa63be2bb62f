"""Count and price operations: the same as `spikedense energy`."""

from spikedense.commands.energy import main

if __name__ == '__main__':
    main()
