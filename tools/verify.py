"""Verify a checkpoint: ``tools/verify.py CONFIG CHECKPOINT [--expect mIoU=60.2]``."""

from spikedense.commands.verify import main

if __name__ == '__main__':
    main()
