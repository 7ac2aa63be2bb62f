"""Draw the curves of runs: the same as `spikedense plot-curves`."""

from spikedense.cli import command

main = command('plot-curves')

if __name__ == '__main__':
    main()
