"""Sentences that exclude in words: “dogs not cats”, “a beach without people”, 没有人的海滩.

An encoder hears “without people” as “people”. So what is excluded is taken out of the sentence, and excluded as
`-people` does. What may be a part of a name or of what is written somewhere stays as it is: a wrong reading hides
pictures, a missed one costs no more than before. Nothing is known here of encoders or of pictures.
"""

from .in_tree import ReadTree, read_exclusions
from .sentences import WordedExclusions, worded_exclusions

__all__ = ["ReadTree", "WordedExclusions", "read_exclusions", "worded_exclusions"]
