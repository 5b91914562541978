"""English words that exclude: without, no, not, except, other than..."""

import re

from gallery.retrieval.thing_words import THING_WORDS

_PEOPLE = re.compile(r"nobody|no[ -]?one", re.IGNORECASE)
_RELATIVE = r"(?:that|which|who)"
_MARKER = re.compile(
    rf"""(?<![\w'’-])(?:
        (?P<nobody>nobody|no[ -]?one)(?![\w'’-])
        | (?P<sure>without|w/o|excluding|except(?:\ for)?|other\ than|apart\ from|aside\ from
          | (?<=anything\ )but | (?<=everything\ )but
          | {_RELATIVE}\ do(?:es)?(?:\ not|n['’]t)\ (?:have|show|contain|include)
          | {_RELATIVE}\ (?:isn|aren)['’]t)\s+(?=\S)
        | (?P<not>not)\s+(?=\S)
        | (?P<no>no)\s+(?=\S)
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_WHERE = "in|on|at|near|by|during|under|beside|behind|over|around|inside|outside|from|while|when|where"
_ENDS = r"[,;.!?:()\[\]{}\"“”|]"
_OBJECT_END = re.compile(
    rf"{_ENDS}|\s(?=(?:but|{_WHERE}|please|visible|anywhere|whatsoever|without|no|not|except|excluding)\b)",
    re.IGNORECASE,
)
_ANOTHER_THING = re.compile(r"\s(?=(?:and|with) (?:a|an|the|some|two|three)\b)", re.IGNORECASE)
_SAYS_NO_MORE = re.compile(
    r"^\s*(?:at all|around|anywhere|visible|please|whatsoever|(?:in|on) (?:it|them|sight|view|there"
    r"|(?:the |this )?(?:picture|photo|image|frame|background|foreground|shot|scene)s?))\b",
    re.IGNORECASE,
)
_MORE_OF_A_LIST = re.compile(r"^(?:,\s*[\w'’-]+){0,3},?\s+n?or\s+[\w'’-]+(?=$|[,;.!?])", re.IGNORECASE)
_LIST = re.compile(r"\s*(?:,|&|\band\b|\bn?or\b)\s*", re.IGNORECASE)
_DETERMINERS = re.compile(r"^(?:(?:any|a|an|the|other|all|some|single|one)\s+)+", re.IGNORECASE)
_ARTICLE = re.compile(r"^(?:a|an|the)\s", re.IGNORECASE)
_ITEM = re.compile(r"[^\W\d_][^\W_]*(?:['’-]\w+)*(?: [^\W\d_][^\W_]*(?:['’-]\w+)*){0,3}")
_LEAD_IN = re.compile(
    rf"(?:^|(?<=\s))(?:but|and|yet|with|having|has|have|where|in which|{_RELATIVE} (?:has|have|is|are|shows?|contains?)"
    r"|there(?: is| are|['’]s))$",
    re.IGNORECASE,
)
_BETWEEN = " \t,;:.–—-"
_IS = re.compile(rf"\b{_RELATIVE} (?:is|are)\s+$", re.IGNORECASE)
_ALL = re.compile(
    r"(?:(?:show|find|give)(?: me)? )?(?:all |any |every |the |my |other )*"
    r"(?:everything|anything|all|any|(?:picture|photo|image|pic)s?)(?: (?:of|with|that|which))?",
    re.IGNORECASE,
)
_SMALL_WORDS = frozenset(
    ["a", "an", "the", "of", "in", "on", "at", "and", "or", "for", "to", "but", "with", "by", "from"]
)

# Before “not” these make it a part of a verb, or of a flower's name.
_VERBS_BEFORE_NOT = frozenset(
    [
        *(
            "do",
            "does",
            "did",
            "is",
            "are",
            "was",
            "were",
            "am",
            "be",
            "can",
            "could",
            "should",
            "must",
            "will",
            "would",
        ),
        *("may", "might", "has", "have", "had", "or", "why", "if", "whether", "me", "shall", "need"),
    ]
)
# What begins with these, or has them in it, names no thing that a picture could lack.
_NO_THINGS = frozenset(
    [
        *("only", "just", "merely", "simply", "even", "yet", "far", "so", "too", "very", "quite", "always", "really"),
        *(
            "every",
            "sure",
            "enough",
            "much",
            "many",
            "long",
            "safe",
            "guilty",
            "responding",
            "available",
            "bad",
            "good",
        ),
        *(
            "to",
            "is",
            "are",
            "was",
            "were",
            "be",
            "been",
            "for",
            "as",
            "if",
            "than",
            "can",
            "will",
            "do",
            "does",
            "did",
        ),
        *("that", "this", "it", "you", "your", "me", "my", "i", "him", "her", "us", "them", "we", "they", "of", "what"),
        *(
            "parking",
            "smoking",
            "entry",
            "entrance",
            "exit",
            "trespassing",
            "fishing",
            "swimming",
            "diving",
            "littering",
        ),
        *(
            "photography",
            "cycling",
            "stopping",
            "waiting",
            "turn",
            "turning",
            "access",
            "vacancy",
            "longer",
            "more",
            "less",
        ),
        *(
            "matter",
            "problem",
            "way",
            "idea",
            "name",
            "doubt",
            "limits",
            "limit",
            "borders",
            "cause",
            "man's",
            "reason",
        ),
        *(
            "allowed",
            "permitted",
            "end",
            "fear",
            "mercy",
            "comment",
            "deal",
            "signal",
            "service",
            "place",
            "time",
            "love",
        ),
        *(
            "with",
            "without",
            "by",
            "from",
            "there",
            "here",
            "then",
            "now",
            "well",
            "quite",
            "go",
            "fly",
            "stop",
            "pain",
        ),
    ]
)
_SIGNS = frozenset(
    ["sign", "signs", "poster", "posters", "logo", "logos", "symbol", "label", "sticker", "icon", "zone"]
)
_NOUNS_THAT_LOOK_LIKE_VERBS = frozenset(
    [
        *("building", "buildings", "painting", "paintings", "ceiling", "wedding", "weddings", "ring", "rings", "king"),
        *("wing", "wings", "swing", "string", "clothing", "pudding", "lightning", "bed", "red", "weed", "seed", "shed"),
    ]
)
_THINGS = frozenset(
    [
        *THING_WORDS.one,
        *THING_WORDS.several,
        *("tree", "trees", "cloud", "clouds", "snow", "water", "text", "watermark", "watermarks", "flower", "flowers"),
        *("building", "buildings", "animal", "animals", "pet", "pets", "plant", "plants", "furniture", "vehicle"),
        *("vehicles", "traffic", "humans", "crowd", "crowds", "tourists", "fruit", "grass", "fence", "hat", "hats"),
        *("glasses", "lights", "rain", "fog", "sky", "food"),
    ]
)


def taken_out(text: str) -> tuple[str, list[str]]:
    """Return what remains of a text, and what English words in it exclude."""
    rest, excluded, start = text, [], 0
    if _is_title(text):
        return text, []
    while (marker := _MARKER.search(rest, start)) is not None:
        found = _read(rest, marker)
        if found is None:
            start = marker.end()
            continue
        rest, items, start = found
        excluded += items
    return (_asked(rest), excluded) if excluded else (text, [])


def _is_title(text: str) -> bool:
    """Say whether all words are written large that are so in a title: “Doctors Without Borders”, “NO PARKING”."""
    words = [word for word in text.split() if word.lower() not in _SMALL_WORDS and word[0].isalpha()]
    return len(words) > 1 and all(word[0].isupper() for word in words)


def _read(text: str, marker: re.Match[str]) -> tuple[str, list[str], int] | None:
    """Return the text without an exclusion, what that excludes, and from where on others may stand; None for a marker
    that excludes nothing.
    """
    before = text[: marker.start()]
    if not _may_exclude(marker, before):
        return None
    said, after = ("", text[marker.end() :]) if marker["nobody"] else _object(text[marker.end() :])
    items = ["people"] if marker["nobody"] else _items(said)
    if not items or not _are_excluded(items, marker, before):
        return None
    kept = _without_lead_in(before)
    after = _SAYS_NO_MORE.sub("", after)
    after = re.sub(r"^[\s,;:.]+(?:and\s+)?|^\s*and\s+(?=with\b|an?\b|the\b|some\b)", "", after).strip()
    if not after or re.fullmatch(rf"(?:{_ENDS})+", after):
        return kept, items, len(kept)
    return f"{kept} {after}".strip(), items, len(kept)


def _may_exclude(marker: re.Match[str], before: str) -> bool:
    starts = not before.strip() or re.search(rf"{_ENDS}\s*$", before) is not None
    if marker[0][0].isupper() and not starts:
        return False
    if marker["nobody"] is not None and re.search(r"\b(?:a|an|the|mr|dr)\s+$", before, re.IGNORECASE):
        return False
    if marker["not"] is not None and not _IS.search(before):
        words = before.lower().split()
        return not words or words[-1] not in _VERBS_BEFORE_NOT
    return True


def _object(after: str) -> tuple[str, str]:
    """Return what a marker takes, and what stands behind that."""
    end = _OBJECT_END.search(after)
    stop = end.start() if end else len(after)
    if not _ARTICLE.match(after) and (another := _ANOTHER_THING.search(after, 0, stop)) is not None:
        stop = another.start()
    elif (more := _MORE_OF_A_LIST.match(after[stop:])) is not None:
        stop += more.end()
    return after[:stop], after[stop:]


def _items(said: str) -> list[str]:
    """Return the things of a list; nothing where one of them may be none."""
    items = [_DETERMINERS.sub("", item).strip() for item in _LIST.split(said.strip()) if item.strip()]
    return items if all(map(_names_a_thing, items)) else []


def _names_a_thing(item: str) -> bool:
    words = item.lower().split()
    if item.lower() in _THINGS:
        return True
    if _ITEM.fullmatch(item) is None or not _NO_THINGS.isdisjoint(words):
        return False
    first = words[0]
    looks_like_a_verb = first.endswith(("ing", "ed")) and first not in _NOUNS_THAT_LOOK_LIKE_VERBS
    return item.isascii() and not (looks_like_a_verb and len(words) == 1)


def _are_excluded(items: list[str], marker: re.Match[str], before: str) -> bool:
    """Say whether these may stand behind this marker: “no” between other words is as often a part of a name."""
    if marker["no"] is None:
        return True
    others = [item.lower().split() for item in items if item.lower() not in _THINGS]
    if any(len(words) > 1 and words[-1] in _SIGNS for words in others):
        return False
    is_led_in = _without_lead_in(before) != before.rstrip() or not before.strip()
    return is_led_in or all(item.lower() in _THINGS for item in items)


def _without_lead_in(before: str) -> str:
    """Return what stands before a marker without the words and signs that only lead to it."""
    kept = before.rstrip(_BETWEEN)
    while (found := _LEAD_IN.search(kept)) is not None:
        kept = kept[: found.start()].rstrip(_BETWEEN)
    return kept


def _asked(rest: str) -> str:
    """Return what is searched for of what remains: nothing where that says nothing of a picture."""
    plain = rest.strip(" ,;:.!?–—-")
    words = plain.lower().split()
    if _ALL.fullmatch(plain) or all(word in _SMALL_WORDS for word in words):
        return ""
    return plain
