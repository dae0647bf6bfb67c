"""Where the command ``sinetstream-sdk`` begins."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command, or say what to install where click is missing.

    The script is installed with every form of the distribution, click only with some of its extras.
    """
    try:
        from sinetstream_cli.commands import cli
    except ModuleNotFoundError as missing:
        if missing.name != "click":
            raise
        sys.stderr.write(
            "sinetstream-sdk: click is missing; install it with "
            "pip install 'sinetstream-plugin-sdk[cli]'\n"
        )
        raise SystemExit(2) from missing
    cli()


if __name__ == "__main__":
    main()
