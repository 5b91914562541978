"""Search quality in figures: encoders side by side on one folder of pictures and one file of labelled queries.

`queries` reads the questions, `pictures` the folder, `copies` alters pictures. `library` asks a library of its own for
each encoder, which imports and searches as the site does (`library_main` and `searched_library` run there).
`metrics` and `bootstrap` are the mathematics, `comparing` puts them together, `figures` is what `--json` prints,
`markdown`, `plot` and `report` what a folder gets.
"""

from .comparing import Comparison, compare, encoder_names, steps
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
    "encoder_names",
    "make_report_folder",
    "read_queries",
    "steps",
    "summary",
    "write_report",
]
