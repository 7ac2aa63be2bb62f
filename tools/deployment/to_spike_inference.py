"""Compare a model with its spike-driven twin: the same as `spikedense spike-inference`."""

from spikedense.commands.spike_inference import main

if __name__ == '__main__':
    main()
