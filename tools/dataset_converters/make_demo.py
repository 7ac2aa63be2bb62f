"""Write the demo set: the same as `spikedense make-demo`."""

from spikedense.commands.make_demo import main

if __name__ == '__main__':
    main()
