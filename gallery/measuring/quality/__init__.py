"""Search quality in figures: encoders side by side on one folder of pictures and one file of labelled queries.

`queries` reads the questions, `pictures` the folder, `copies` alters pictures, `library` holds one encoder's vectors
for the time of the comparison, `metrics` and `bootstrap` are the mathematics, `comparing` puts them together, `figures`
is what `--json` prints, `markdown`, `plot` and `report` what a folder gets.
"""

from .comparing import Comparison, compare, load_encoders, steps
from .figures import Report, as_report
from .markdown import summary
from .queries import LabelledQuery, read_queries
from .report import make_report_folder, write_report

__all__ = [
    "Comparison",
    "LabelledQuery",
    "Report",
    "as_report",
    "compare",
    "load_encoders",
    "make_report_folder",
    "read_queries",
    "steps",
    "summary",
    "write_report",
]
