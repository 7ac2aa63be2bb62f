"""Write the demo set: the same as `spikedense make-demo`."""

from spikedense.cli import command

main = command('make-demo')

if __name__ == '__main__':
    main()
