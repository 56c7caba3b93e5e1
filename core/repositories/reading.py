"""A program that reads a snapshot back as proofs want it; run by path, `python -I -S reading.py`, standard library only.

`reading.py sizes -- RESTIC…` turns what `restic ls --json` says into lines "size;path", without the first slash.
`reading.py some LIST FOLDER -- RESTIC…` lets `restic restore` write the files that LIST names, each ended by a zero
byte, below FOLDER, as many at once as a command line holds. It ends as restic does, but for a repository that gave some of them
and not others: whoever reads what was written finds out which.
"""

import json
import subprocess
import sys
from collections.abc import Iterator

SPECIAL = b"\\*?["
MOST_AT_ONCE = 500
MOST_BYTES = 100_000
DAMAGED = (
    b"ciphertext verification failed",
    b"hash mismatch",
    b"does not match",
    b"not found in index",
    b"There were",
)


def main(arguments: list[str]) -> int:
    """Do what the first argument says."""
    cut = arguments.index("--")
    mine, restic = arguments[:cut], arguments[cut + 1 :]
    if mine[0] == "sizes":
        return _sizes(restic)
    return _some(mine[1], mine[2], restic)


def _sizes(restic: list[str]) -> int:
    out = sys.stdout.buffer
    with subprocess.Popen(restic, stdout=subprocess.PIPE) as child:
        for line in child.stdout or ():
            node = json.loads(line)
            if node.get("struct_type") == "node" and node.get("type") == "file" and "\n" not in node["path"]:
                out.write(
                    b"%d;%s\n"
                    % (node.get("size", 0), node["path"].lstrip("/").encode("utf-8", "surrogatepass"))
                )
    out.flush()
    return child.returncode


def _some(asked: str, folder: str, restic: list[str]) -> int:
    for portion in _portions(asked):
        includes = [b"--include=/" + _escaped(path) for path in portion]
        done = subprocess.run(
            [*restic[:-2], "--target", folder, *includes, *restic[-2:]], stderr=subprocess.PIPE, check=False
        )
        sys.stderr.buffer.write(done.stderr)
        if done.returncode != 0 and not any(words in done.stderr for words in DAMAGED):
            return done.returncode
    return 0


def _portions(asked: str) -> Iterator[list[bytes]]:
    portion: list[bytes] = []
    size = 0
    with open(asked, "rb") as file:  # noqa: PTH123 - as the others that are run by path
        for path in file.read().split(b"\0"):
            if portion and (len(portion) >= MOST_AT_ONCE or size + len(path) > MOST_BYTES):
                yield portion
                portion, size = [], 0
            if path:
                portion.append(path)
                size += 2 * len(path)
    if portion:
        yield portion


def _escaped(path: bytes) -> bytes:
    for letter in (b"\\", b"*", b"?", b"["):
        path = path.replace(letter, b"\\" + letter)
    return path


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
