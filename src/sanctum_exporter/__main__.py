"""``sanctum-exporter`` and ``python -m sanctum_exporter``: where the program starts."""

from __future__ import annotations

import signal


def main() -> None:
    """Run the program and exit."""
    # Half a second passes until there is anything to interrupt: until then Ctrl-C just ends us.
    # Shells start what is in the background with it ignored, which stays so.
    interruptible = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if interruptible:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from sanctum_exporter import cli  # noqa: PLC0415 - see above

    if interruptible:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    cli.main()


if __name__ == "__main__":
    main()
