"""Verify a checkpoint: ``tools/verify.py CONFIG CHECKPOINT [--expect mIoU=60.2]``."""

from spikedense.cli import command

main = command('verify')

if __name__ == '__main__':
    main()
