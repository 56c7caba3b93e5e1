"""Pictures of pages, and whether a page still looks like its reference.

A picture is kept at half its size: that halves what differs between two browsers in drawing the edge of a letter, and
nothing that a person would notice. Two numbers decide. `share` is how many of a thousand pixels differ visibly; it finds
what changed a little everywhere. `worst` is the strongest difference of a small tile as a whole; it finds a word
that is gone from a page as long as an arm. Their limits were measured: see docs/pictures.md.
"""

from pathlib import Path
from typing import Final, NamedTuple

from PIL import Image, ImageChops, ImageFilter

VISIBLE: Final = 32
"""How far, of 255, a pixel may be from its reference before it counts."""

TILE: Final = 12
"""The side of a tile, in pixels of the half-size picture."""

MOST_HEIGHT: Final = 2_600
COLOURS: Final = 96


class Limits(NamedTuple):
    """Up to where two pictures are the same: `share` in thousandths, `worst` of 255."""

    share: float
    worst: float


SAME_BROWSER: Final = Limits(share=1.0, worst=12.0)
OTHER_BROWSER: Final = Limits(share=2.0, worst=12.0)


class Difference(NamedTuple):
    """How far two pictures are apart."""

    share: float
    worst: float
    picture: Image.Image

    def beyond(self, limits: Limits) -> bool:
        return self.share > limits.share or self.worst > limits.worst


def reduced(taken: Image.Image) -> Image.Image:
    """Return a picture as it is kept."""
    half = taken.convert("RGB").reduce(2)
    return half.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).convert("RGB")


def difference(reference: Image.Image, actual: Image.Image) -> Difference:
    """Return how far two reduced pictures are apart; what only one of them has differs."""
    size = max(reference.width, actual.width), max(reference.height, actual.height)
    both = (_on_ground(picture, size) for picture in (reference, actual))
    apart = ImageChops.difference(*both)
    red, green, blue = apart.split()
    strongest = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    counted = sum(strongest.histogram()[VISIBLE:]) + _beyond(reference, actual)
    tiles = strongest.filter(ImageFilter.BoxBlur(1)).resize(
        (max(1, size[0] // TILE), max(1, size[1] // TILE)), Image.Resampling.BOX
    )
    return Difference(1_000 * counted / (size[0] * size[1]), float(tiles.getextrema()[1]), strongest)  # type: ignore[arg-type]


def _on_ground(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    whole = Image.new("RGB", size, "magenta")
    whole.paste(picture)
    return whole


def _beyond(reference: Image.Image, actual: Image.Image) -> int:
    return (
        0
        if reference.size == actual.size
        else abs(reference.width * reference.height - actual.width * actual.height)
    )


def keep(picture: Image.Image, path: Path) -> None:
    """Write a reduced picture as small as it gets without loss."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, lossless=True, quality=60, method=3)


def show_beside(
    folder: Path, name: str, reference: Image.Image | None, actual: Image.Image, apart: Difference | None
) -> Path:
    """Write expected, actual and the difference into a folder; return it."""
    folder.mkdir(parents=True, exist_ok=True)
    actual.save(folder / f"{name}-actual.png")
    if reference is not None and apart is not None:
        reference.save(folder / f"{name}-expected.png")
        apart.picture.point(lambda value: min(255, value * 4)).save(folder / f"{name}-difference.png")
    return folder
