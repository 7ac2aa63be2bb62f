"""Draw the images and labels that the network gets: the same as `spikedense browse`."""

from spikedense.commands.browse import main

if __name__ == '__main__':
    main()
