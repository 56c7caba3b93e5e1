"""How a program of our own is started, whatever the folder it is started in."""

import sys
from pathlib import Path
from typing import Final

BOOTSTRAP: Final = (
    "import sys; cut = sys.argv.index('--'); sys.path[:] = sys.argv[1:cut]; "
    "from importlib import import_module; import_module(sys.argv[cut + 1]).main(sys.argv[cut + 2:])"
)


def argv_of(module: str, *arguments: str) -> tuple[str, ...]:
    """Return the command that calls `main(arguments)` of a module of ours; nothing else is looked for or obeyed."""
    root = str(Path(__file__).resolve().parents[2])
    path = [root, *(str(Path(entry).absolute()) for entry in sys.path if entry)]
    return (sys.executable, "-I", "-S", "-c", BOOTSTRAP, *path, "--", module, *arguments)
