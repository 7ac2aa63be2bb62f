"""Write weights for other people: ``tools/publish.py CHECKPOINT NAME.safetensors``."""

from spikedense.cli import command

main = command('publish')

if __name__ == '__main__':
    main()
