"""Compare a model with its spike-driven twin: the same as `spikedense spike-inference`."""

from spikedense.cli import command

main = command('spike-inference')

if __name__ == '__main__':
    main()
