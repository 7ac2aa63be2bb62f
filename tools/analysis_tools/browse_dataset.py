"""Draw the images and labels that the network gets: the same as `spikedense browse`."""

from spikedense.cli import command

main = command('browse')

if __name__ == '__main__':
    main()
