"""Print a merged config: the same as `spikedense print-config`."""

from spikedense.commands.print_config import main

if __name__ == '__main__':
    main()
