"""`python -m fastapi_app.cli` is the `holdfast` command."""

import sys
from typing import Final

INTERRUPTED: Final = 130


def main() -> None:
    """Run the command; Ctrl-C ends it in silence, also while it is still being loaded."""
    try:
        from fastapi_app.cli.called import main as program  # noqa: PLC0415 - loading takes a moment

        program()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
