"""Chinese words that exclude: 没有, 不带, 除了…以外, 不是…的, 无人的..."""

import re

from gallery.retrieval.thing_words import COMPOUNDS, THING_WORDS
from gallery.text.chinese import simplified

_HANZI = "㐀-䶿一-鿿"
_MARKER = re.compile(
    r"""(?P<nobody>空无一人|空无人烟|没有?一个人(?:也没有)?)
    | (?P<sure>没有|没带|没戴|看不到|看不见|不带|不戴|不含有|不含|不包含|不包括|不出现)
    | (?P<besides>除了|除去|除)
    | (?P<wish>不要|不是)
    | (?P<short>没|无|非)""",
    re.VERBOSE,
)
_SEGMENT_END = re.compile(r"[\s，。；、！？：,;.!?:()（）\[\]【】“”「」\"]|而?且|但是?|不要|没有|不带")
_BESIDES = re.compile(r"(?P<thing>.+?)(?:以外|之外|外)(?P<of>的?)(?P<behind>.*)")
_TOO, _THIS_TOO = re.compile(r"^[，,\s]*(?:还|也|更)"), re.compile(r"还有|也有|还要|也要")
_ADJECTIVE = re.compile(r"[小大老新旧黑白红黄蓝绿灰棕粉紫橙]|.{1,2}色|.*[漂亮美丽可爱奇怪特别]")
_AROUND = re.compile(r"^(?:任何|其他|其它|一个|一只|一辆|一条|一点|有|带着?|戴着?|别的)+|(?:出现|入镜|存在|在|的|了)+$")
_LIST = re.compile(r"[和与及或、]|以及|还有")
_ITEM = re.compile(rf"[{_HANZI}]{{1,6}}|[A-Za-z][A-Za-z ]{{0,20}}")
_LEAD_IN = re.compile(
    r"(?:但是?|却|而且?|并且?|且|也|又|都|只?要|我要|想要|只?是|里面?|中间?|上面|(?<=[^\s晚早]{2})上|其中|画面|[\s，。；、：,;.:])$"
)
_WANTED = re.compile(r"^(?:我?只?想?要|只?是|找)")  # 要猫不要狗
_ALL = re.compile(
    r"(?:我的|所有|全部|任何|其他|其它|一切|的|找)*(?:图片|照片|相片|图|东西|所有|全部|其他|其它|一切|都要|都行|都可以)?的?"
)
_ASKED_TWICE = ("有", "要", "是", "会", "能", "并", "请", "就", "从", "本", "毫", "永")  # 有没有, 要不要, 请不要…
_SHORT_BEFORE = re.compile(rf"(?:^|[^{_HANZI}]|[上里中的边面下内])$")
# What begins so names no thing that a picture could lack.
_NO_THINGS = re.compile(
    r"关系|问题|办法|意义|意思|名字|尽头|边际|什么|时间|钱|错|人性|想到|用|法|必要|可能|如果|吗|说|因为|只|很|太|这|那|我|你|他|她|它"
    r"|停|吸|抽|打|踩|触|摸|走|跑|吃|喝|乱|随|再|让|把|被|来|去|靠|进|使|开|关|笑|哭|怕|忘|脸|放|跳|拍照|动(?!物)|回|离|谁|哪"
)
_THINGS = frozenset(
    [
        *THING_WORDS.chinese,
        *(
            "人",
            "人们",
            "人群",
            "游客",
            "动物",
            "植物",
            "树",
            "树木",
            "云",
            "雪",
            "雨",
            "花",
            "草",
            "字",
            "文字",
            "水印",
        ),
        *("建筑", "房子", "家具", "车辆", "灯", "水", "宠物", "行人", "山", "雾", "帽子", "眼镜", "食物"),
    ]
)
_NOT_WITHOUT = re.compile(r"无人[机驾区岛超商店售值问知能艇车]")  # drones and shops are something


def taken_out(text: str) -> tuple[str, list[str]]:
    """Return what remains of a text, and what Chinese words in it exclude."""
    excluded: list[str] = []
    rest, start = text, 0
    while (marker := _marker(rest, start)) is not None:
        found = _read(rest, marker)
        if found is None:
            start = marker.end()
            continue
        rest, items, start = found
        excluded += items
    return (_asked(rest), excluded) if excluded else (text, [])


def _marker(text: str, start: int) -> re.Match[str] | None:
    """Return the next marker in simplified characters, which stand where those of the text do."""
    plain = simplified(text)
    return _MARKER.search(plain, start) if len(plain) == len(text) else None


def _read(text: str, marker: re.Match[str]) -> tuple[str, list[str], int] | None:
    """Return the text without an exclusion, what that excludes, and from where on others may stand; None for a marker
    that excludes nothing.
    """
    before, behind = text[: marker.start()], text[marker.end() :]
    if before.endswith(_ASKED_TWICE) and not (marker["wish"] and before.endswith("的")):
        return None
    if marker["nobody"]:
        items, after = ["人"], re.sub(r"^的", "", behind)
    else:
        end = _SEGMENT_END.search(behind)
        segment, after = (behind[: end.start()], behind[end.start() :]) if end else (behind, "")
        found = _besides(segment, after) if marker["besides"] else _object(segment)
        if found is None:
            return None
        said, kept = found
        items, after = _items(said), kept + after
        if not _are_excluded(items, marker, before, kept):
            return None
    lead = _WANTED.sub("", _without_lead_in(before)) if marker["wish"] else _without_lead_in(before)
    after = after.strip(" ，。；、,;.")
    gap = " " if lead and after and (before[-1:].isspace() or not _is_hanzi(before[-1:])) else ""
    return lead + gap + after, items, len(lead)


def _besides(segment: str, after: str) -> tuple[str, str] | None:
    """Return what 除了 takes and what stands behind; None where it means “beside this, too”."""
    if (found := _BESIDES.fullmatch(segment)) is not None:
        said, kept = found["thing"], found["behind"]
    elif "的" in segment:
        said, _of, kept = segment.partition("的")
    else:
        said, kept = segment, ""
    return None if _TOO.match(kept or after) or _THIS_TOO.search(said) else (said, kept)


def _object(segment: str) -> tuple[str, str]:
    """Return what a marker takes of the signs behind it, and what stands behind that: 人, 海滩 of 人的海滩."""
    parts = segment.split("的")
    if len(parts) > 1 and _ADJECTIVE.fullmatch(parts[0]):
        parts[:2] = [f"{parts[0]}的{parts[1]}"] if parts[1] else [parts[0]]
    said, kept = parts[0], "的".join(parts[1:])
    thing, _in, place = said.partition("在")
    return (thing, place + ("的" + kept if kept else "")) if thing and place else (said, kept)


def _items(said: str) -> list[str]:
    """Return the things of a list; a word with such a sign in it is one thing."""
    whole = _AROUND.sub("", said).strip()
    items = [_AROUND.sub("", item).strip() for item in _LIST.split(whole)]
    if len(items) > 1 and _all_things(items):
        return items
    is_thing = simplified(whole) in _THINGS
    return [whole] if is_thing or (_ITEM.fullmatch(whole.replace("的", "")) and not _NO_THINGS.match(whole)) else []


def _are_excluded(items: list[str], marker: re.Match[str], before: str, kept: str) -> bool:
    if not items:
        return False
    if marker["short"] or marker[0] == "除":
        plain = marker.string[marker.start() :]
        is_word = any(plain.startswith(marker[0] + each) for each in COMPOUNDS)
        stands_free = _SHORT_BEFORE.search(before) is not None or (marker[0] != "非" and not kept)
        return stands_free and not is_word and not _NOT_WITHOUT.match(plain) and _all_things(items)
    return True


def _all_things(items: list[str]) -> bool:
    return all(simplified(item) in _THINGS for item in items)


def _without_lead_in(before: str) -> str:
    kept = before.rstrip()
    while (found := _LEAD_IN.search(kept)) is not None:
        kept = kept[: found.start()]
    return kept


def _is_hanzi(sign: str) -> bool:
    return "\u3400" <= sign <= "\u9fff"


def _asked(rest: str) -> str:
    """Return what is searched for of what remains: nothing where that says nothing of a picture."""
    plain = rest.strip(" ，。；、,;.!?！？")
    return "" if _ALL.fullmatch(plain) else plain
