"""Pictures with texts in them: English in the letters that come with Pillow, Chinese as it was once drawn."""

from base64 import b64decode
from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

from gallery.reading import Line

CHINESE_LINES = ("增值税发票", "合计金额")
_CHINESE_PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAASwAAAB4AQAAAABgbvKNAAADYklEQVR42u2Wv28cVRCAv9ld7q5wcmtTkMKyVygFpSNRWMKQ7aCk"
    "pMNISFAB6RAS2heFwkiIuEuZiL8gNUXYs65whwM9ucOWoEDK3tnF3nn3DcXtGezbd7420k01evp2fryZNzuiLCADj4VkiS2xVxvb"
    "B3gyAiw9iJzWBDKgfIenRDxxYGMMIXDSAyArRaQ1i+UFGCijT82+Rmw7rA29lNWWGN8AsO7r5uO8LraeAmTeLxEa2VlrAcDJ+le0"
    "Rw3OABt31hxOD8ltnAPSSYEVpP9JeJlT1YcgRTJQPc1o5kACtPV/kgVQ3gMKM5x8lgNsYrKZ2GTj6VketOX8xqoettw1/Ua/uzho"
    "FomaOsz/EWsyNJ9TelHYv7F1Ptrxx42TmzcPt0dNEGhns2OwpLtAv/kNPkBa/AGQS4CqZrNY/048ucNru3cLzUkTicmcWFJluZYC"
    "aJeOSOx+C/df7uT06qwF/12N2OgfIDDh9l2tcVr2JZpk8Bg4SE19bGeTNHPiGNgjLEUkqLm3iQ8LoKsvolpr+qDSCwNYvsDXkRZX"
    "UxivVCmcn9uYInr7tD62rVKmj5o8jyPDiOEM9lpapeBRMM5MD0Zc6TkPvGkKgKFPGvMbK+mciTSChv5wRBevNwfL4K3h62fsIZ/P"
    "YqVAV5oxP7EW7u9++26Ys+OoKcAKIMng2W5ob888Zz3WzUJV9fSFqv6qNtEHekkyWW4OS+zVxoYAaiZK6sReQkmlsOt2aibTCAyY"
    "/pW5e4GdpARppcyZ5Ae9ahgc9Ojc+/hhWj+ivwfJKgUI661p+DWYSmlal1Mb7cCHU8XgmORFvDHZjIp4A01rlyRVzTRLVG2imWZJ"
    "kfRI9IpkHvB8Ohuf00q574rtAO+oEwMHNI6K+iRUbQtpptuwcQvxB/lfttapDeFngHEE6XDk2t8+U/vme0Dw/sBGx0NHbJ6BdZo2"
    "OTaw3nB1iFw62Oou1L3+Yk1ejl1YX2RSRmlLWHy5kLXDvdiB+dN/rA408xvxddbOsARizLVOz7kjc2Oz052gdim/wAqgyQjJ51r7"
    "++LoDTFu7E8gmIyJ23OsBQAmAKydg7Wq2QDFo3qslAC7BfjcQlt5ELutxaDSlhb87vWcxfKm2Unelci55km1AzNuflTz7Jf/+iU2"
    "X/4F42SZsH2qqKEAAAAASUVORK5CYII="
)


def drawn(*lines: str, size_px: int = 40, degrees: float = 0) -> Image.Image:
    """Return these lines of Latin letters on white, turned against the clock."""
    font = ImageFont.load_default(size_px)
    width = max(round(font.getlength(line)) for line in lines)
    picture = Image.new("RGB", (width + 80, len(lines) * size_px * 3 // 2 + 80), "white")
    for number, line in enumerate(lines):
        ImageDraw.Draw(picture).text((40, 40 + number * size_px * 3 // 2), line, font=font, fill="black")
    return picture.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor="white")


def drawn_chinese() -> Image.Image:
    """Return CHINESE_LINES on white."""
    return Image.open(BytesIO(b64decode(_CHINESE_PNG))).convert("RGB")


def lines_of(*texts: str) -> tuple[Line, ...]:
    """Return lines as if they had been read, one below the other."""
    return tuple(
        Line(text, 0.99, ((0.1, top), (0.9, top), (0.9, top + 0.05), (0.1, top + 0.05)))
        for top, text in ((round(0.1 * number, 3), text) for number, text in enumerate(texts))
    )


def written_picture(*lines: str, size_px: int = 40, degrees: float = 0) -> bytes:
    return as_png(drawn(*lines, size_px=size_px, degrees=degrees))


def as_png(picture: Image.Image) -> bytes:
    out = BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()
