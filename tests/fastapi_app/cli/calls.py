"""The command in a process of its own that need not load it first.

One process has loaded the whole command and forks for each call, so that hundreds of calls cost as
much as a few.
"""

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

CALLS = multiprocessing.get_context("forkserver")
CALLS.set_forkserver_preload(["fastapi_app.cli.program", __name__])


def call(
    words: Sequence[str], environment: Mapping[str, str], folder: Path
) -> subprocess.CompletedProcess[str]:
    """Return what the command said and its exit code; what it says goes through files in the folder."""
    out, err = folder / "said.out", folder / "said.err"
    process = CALLS.Process(target=_be_called, args=(words, dict(environment), out, err))
    process.start()
    process.join()
    code = process.exitcode
    assert code is not None
    said = [path.read_bytes().decode("utf-8") for path in (out, err)]
    return subprocess.CompletedProcess(list(words), code, *said)


def _be_called(words: Sequence[str], environment: Mapping[str, str], out: Path, err: Path) -> None:
    """Become the command: its words, its environment, its three streams."""
    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    for number, path, flags in ((0, Path(os.devnull), os.O_RDONLY), (1, out, _NEW), (2, err, _NEW)):
        opened = os.open(path, flags, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin, sys.stdout, sys.stderr = (
        os.fdopen(number, mode, encoding="utf-8", closefd=False)
        for number, mode in ((0, "r"), (1, "w"), (2, "w"))
    )
    sys.argv = ["holdfast", *words]
    from fastapi_app.cli.__main__ import main  # noqa: PLC0415 - the process that forks has loaded it

    main()


_NEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
