"""Draw the curves of runs: the same as `spikedense plot-curves`."""

from spikedense.commands.plot_curves import main

if __name__ == '__main__':
    main()
