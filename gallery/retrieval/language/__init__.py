r"""The language of the search box: text to tree and back. `docs/search.md` tells it to people.

`parse(format(tree)) == tree` for every tree that can be parsed, and each tree has one spelling. A text that is no query
raises an error with a place in the text as it was sent (`gallery.errors.query_language`).

Characters (`signs.py`): outside quotes `，、；` are spaces; every other character is read in NFKC, `–` and `−` as `-`.
What is kept of words and values is what was typed, in NFC. A backslash before one of `" 「 」 “ ” ( ) [ ] - ^ : | * \`
makes it text.

Tokens (`tokenizer.py`); to *end* is to stand before a space, the end, a closing bracket or `^`:

    NOT     = "-" at the start of a word, before neither space nor digit | NOT | 非      words between spaces
    OR      = OR | "|" | 或                                                              between spaces; AND is noise
    phrase  = a quote at the start of a word or behind NOT ... its closing one that ends
    "(" ")" = the same, but not "(2)" of "(2).jpg", whose ")" does not end
    filter  = field ":" value      a known field; the value is quoted or reaches to a space or to what ends; not empty
    like    = like ":" digits [ "[" left "," top "," width "," height "]" ]
    weight  = "^" 0.1..10 that ends, behind a word, a phrase, ")", like: or picture:
    word    = anything else up to a space or to a bracket that closes a group

Grammar (`parsing.py`, `parts.py`):

    query   = parts
    parts   = (OR-chain | stretch | narrow)+        as many of them as there are stand together: All
    chain   = side (OR side)+                       Any
    side    = stretch | narrow                      up to the next filter or phrase
    stretch = (word | like | group | NOT atom)+
    narrow  = filter | phrase
    group   = "(" parts ")"
    atom    = word | phrase | group | filter | like

Words of one `parts` are one `Text`, where the first of them stood, although filters, phrases, exclusions and `like:`
stand between them; a group, a weight and an OR-chain end it. Brackets around one thing alone leave no trace.

What each filter means to whoever answers it (`values.py`):

| field | comparison | value | true of an image |
| --- | --- | --- | --- |
| TAG | EQUALS | str, a tag's key | that carries a tag which folds alike; `tag:a,b` are two filters |
| ALBUM | EQUALS | str, as typed | in an album whose title folds alike; 404 where none may be seen |
| OWNER | EQUALS | str, as typed; `ME` is whoever asks | of this user; an error for `ME` where nobody is signed in |
| NAME | CONTAINS | str, as typed | whose file name, folded, has this, folded, in it |
| NAME | MATCHES | NameWithGaps | whose whole file name, folded, is these pieces, with anything between two of them |
| TEXT | CONTAINS | str, as typed | in which this is written: of none, as nobody reads pictures yet |
| FORMAT | EQUALS | str, a name of `gallery.imaging.FORMATS` | of this format |
| COLOUR | EQUALS | str, one of `gallery.encoders.offline.colours.COLOURS` | of this colour |
| IS | EQUALS | State | portrait: height > width; landscape: width > height; square: within 5 %; ... |
| WIDTH, HEIGHT | EQUALS, LESS, AT_MOST, GREATER, AT_LEAST | int, pixels | as it says |
| WIDTH, HEIGHT, PIXELS, SIZE | WITHIN | NumberRange | both ends included |
| PIXELS, SIZE | LESS, AT_MOST, GREATER, AT_LEAST | int, pixels or bytes | as it says |
| PIXELS, SIZE | EQUALS | int, pixels or bytes | within 5 % |
| TAKEN, ADDED | WITHIN | Period | on one of these days; a day, month or year alone is such a period |
| TAKEN, ADDED, DATE | LESS, AT_MOST, GREATER, AT_LEAST | date | LESS before this day begins, GREATER after it ends |

Square is an image whose shorter side has 95 % of its longer one. Names of users are compared without their case, tags,
titles, file names and phrases as they fold, in all characters that Chinese is written in: 猫 is 貓, too.
TAKEN is the photographer's wall clock, ADDED in the site's zone, DATE (`before:`, `after:`) is TAKEN, else ADDED.
"""

from .hints import Hint
from .parsing import MAX_CLAUSES, MAX_MEANINGS, Reading, parse, read_query
from .tokenizer import MAX_CHARACTERS, MAX_NESTING
from .tokens import Place
from .values import ME, box_of
from .writing import format

__all__ = [
    "MAX_CHARACTERS",
    "MAX_CLAUSES",
    "MAX_MEANINGS",
    "MAX_NESTING",
    "ME",
    "Hint",
    "Place",
    "Reading",
    "box_of",
    "format",
    "parse",
    "read_query",
]
