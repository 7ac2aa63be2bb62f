"""Export a model to ONNX: the same as `spikedense export onnx`."""

from spikedense.commands.export_onnx import main

if __name__ == '__main__':
    main()
