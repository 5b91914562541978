"""Pictures with texts in them that are known: plain ones and photos with a sign, a slip or a caption on them."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

FONTS = Path("/usr/share/fonts")
LATIN = (
    "truetype/dejavu/DejaVuSans.ttf",
    "truetype/dejavu/DejaVuSans-Bold.ttf",
    "truetype/dejavu/DejaVuSerif.ttf",
    "truetype/liberation/LiberationSans-Regular.ttf",
    "truetype/liberation/LiberationSerif-Italic.ttf",
    "truetype/liberation/LiberationMono-Bold.ttf",
)
CHINESE = (
    "opentype/noto/NotoSansCJK-Regular.ttc",
    "opentype/noto/NotoSansCJK-Bold.ttc",
    "opentype/noto/NotoSerifCJK-Regular.ttc",
)
ENGLISH_WORDS = (
    *("garage", "invoice", "station", "exit", "open", "closed", "bakery", "hotel", "market", "library", "danger"),
    *("platform", "harbour", "museum", "parking", "welcome", "sale", "coffee", "number", "street", "total", "paid"),
    *("receipt", "ticket", "summer", "winter", "north", "south", "please", "private", "school", "river", "bridge"),
    *("Monday", "Friday", "London", "Berlin", "Shanghai", "Tokyo", "fresh", "bread", "garden", "office", "kitchen"),
)
CHINESE_WORDS = (
    *(
        "发票",
        "出口",
        "入口",
        "小心",
        "危险",
        "停车场",
        "图书馆",
        "博物馆",
        "火车站",
        "欢迎光临",
        "营业时间",
        "禁止吸烟",
    ),
    *("面包店", "咖啡", "合计", "金额", "日期", "姓名", "地址", "电话", "北京", "上海", "广州", "春天", "夏天", "学校"),
    *("医院", "银行", "超市", "花园", "办公室", "厨房", "请勿打扰", "收据", "编号", "特价", "新鲜", "牛奶", "长江大桥"),
)
PAPERS = ((255, 255, 255), (250, 244, 220), (255, 214, 10), (0, 70, 140), (20, 20, 20), (180, 20, 30), (0, 110, 60))


@dataclass(frozen=True, slots=True)
class Rendered:
    """A picture and the lines in it. `kind` is "plain" or "photo"."""

    picture: Image.Image
    lines: tuple[str, ...]
    kind: str


def rendered_texts(count: int, photos: Sequence[Path], *, seed: int = 1) -> Iterator[Rendered]:
    """Yield as many pictures, every second one a photo; the same for the same seed, photos and fonts."""
    source = random.Random(seed)
    for number in range(count):
        label = _label(source)
        lines = label.lines
        if number % 2:
            photo = Image.open(source.choice(photos)).convert("RGB")
            yield Rendered(_noisy(_pasted(label.picture, photo, source), source), lines, "photo")
        else:
            yield Rendered(_noisy(_alone(label, source), source), lines, "plain")


@dataclass(frozen=True, slots=True)
class _Label:
    picture: Image.Image  # with transparency
    paper: tuple[int, int, int]
    lines: tuple[str, ...]


def _label(source: random.Random) -> _Label:
    is_chinese = source.random() < 0.5
    lines = tuple(_line(source, is_chinese) for _ in range(source.randint(1, 4)))
    font = _font(source.choice(CHINESE if is_chinese else LATIN), source.choice((18, 22, 28, 36, 48, 64)))
    paper = source.choice(PAPERS)
    ink = (15, 15, 15) if sum(paper) > 380 else (250, 250, 245)
    boxes = [font.getbbox(line) for line in lines]
    height = round(font.size * 1.4)
    width = round(max(box[2] for box in boxes) + font.size)
    picture = Image.new("RGBA", (width, height * len(lines) + round(font.size * 0.6)), (*paper, 255))
    draw = ImageDraw.Draw(picture)
    for number, line in enumerate(lines):
        draw.text((font.size * 0.5, font.size * 0.2 + number * height), line, font=font, fill=(*ink, 255))
    return _Label(picture, paper, lines)


def _line(source: random.Random, is_chinese: bool) -> str:
    if source.random() < 0.15:
        return source.choice(("2023-05-17", "Tel. 555 0134", "No. 80412", "¥ 128.50", "12:30", "A4 / B7"))
    if is_chinese:
        return "".join(source.sample(CHINESE_WORDS, source.randint(1, 3)))
    words = " ".join(source.sample(ENGLISH_WORDS, source.randint(1, 4)))
    return source.choice((words, words.upper(), words.title()))


@lru_cache
def _font(name: str, size_px: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(FONTS / name, size_px)


def _alone(label: _Label, source: random.Random) -> Image.Image:
    turned = label.picture.rotate(_degrees(source), Image.Resampling.BICUBIC, expand=True)
    margin = source.randint(10, 80)
    whole = Image.new("RGB", (turned.width + 2 * margin, turned.height + 2 * margin), label.paper)
    whole.paste(turned, (margin, margin), turned)
    return whole


def _pasted(picture: Image.Image, photo: Image.Image, source: random.Random) -> Image.Image:
    turned = picture.rotate(_degrees(source), Image.Resampling.BICUBIC, expand=True)
    scale = max(1.0, 1.25 * turned.width / photo.width, 1.25 * turned.height / photo.height)
    whole = photo.resize((round(photo.width * scale), round(photo.height * scale)), Image.Resampling.LANCZOS)
    place = (source.randint(0, whole.width - turned.width), source.randint(0, whole.height - turned.height))
    whole.paste(turned, place, turned)
    return whole


def _degrees(source: random.Random) -> float:
    """Most stand straight, some a little slanted, some on their side or head."""
    return source.choice((0.0, 0.0, 0.0, source.uniform(-12, 12), source.uniform(-25, 25), 90.0, 180.0, 270.0))


def _noisy(picture: Image.Image, source: random.Random) -> Image.Image:
    if source.random() < 0.3:
        picture = picture.filter(ImageFilter.GaussianBlur(source.uniform(0.3, 0.9)))
    noise = np.random.default_rng(source.getrandbits(32)).normal(0, source.choice((0, 4, 10)), (*picture.size[::-1], 3))
    return Image.fromarray(np.clip(np.asarray(picture) + noise, 0, 255).astype(np.uint8))
