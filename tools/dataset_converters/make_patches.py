"""Write a small classification set: the same as `spikedense make-patches`."""

from spikedense.cli import command

main = command('make-patches')

if __name__ == '__main__':
    main()
