"""Exact search at the speed of reading one byte per number: a scan of 8-bit codes, then the vectors themselves."""

from .contract import Capabilities
from .scanning import ScanningEngine


class ExactEngine(ScanningEngine):
    """Top-k by cosine similarity over all rows, equal to the float64 answer, always.

    The scan keeps every row that the certain error bound of its code does not exclude; those are scored again in
    float64, best first, until the next one's limit is below the k-th best score. That comparison is the proof that no
    other row can be among the k best. Scores are rounded to float32, so that the result depends neither on how rows
    were grouped nor on the number of threads, and equal pictures get equal scores, in ascending order of id.
    """

    name = "exact"
    capabilities = Capabilities(exact=True, distribution=True, counts=True)
