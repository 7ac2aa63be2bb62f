"""Write a page about a checkpoint: the same as `spikedense report`."""

from spikedense.cli import command

main = command('report')

if __name__ == '__main__':
    main()
