"""``python -m sanctum_exporter``: the same as the command ``sanctum-exporter``."""

from sanctum_exporter.cli import main

if __name__ == "__main__":
    main()
