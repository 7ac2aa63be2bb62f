"""Export a model to ONNX: the same as `spikedense export onnx`."""

from spikedense.cli import command

main = command('export onnx')

if __name__ == '__main__':
    main()
