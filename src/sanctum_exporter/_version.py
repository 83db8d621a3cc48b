"""The version of the package, read by the build and by ``sanctum_exporter_build_info``."""

__version__ = "0.1.0"
