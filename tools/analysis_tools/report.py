"""Write a page about a checkpoint: the same as `spikedense report`."""

from spikedense.commands.report import main

if __name__ == '__main__':
    main()
