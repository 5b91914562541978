"""What a server loads before its first request, so that whoever asks first waits no longer than others."""

from pathlib import Path
from typing import cast

from django.conf import settings
from django.template.loader import get_template
from django.urls import get_resolver

PAGES = "gallery"  # the folder of templates that people see


def prepare_first_page() -> None:
    """Load the addresses with their views, compile the templates, and load what NumPy leaves to its first use.

    About half a second of the processor, in each process of the server; commands do without it.
    """
    import numpy.ma  # noqa: F401, PLC0415 -- what `numpy.unique` loads when it is first called

    get_resolver().url_patterns  # noqa: B018 -- imports them
    for folder in cast("list[Path]", settings.TEMPLATES[0]["DIRS"]):
        for path in sorted((folder / PAGES).rglob("*.html")):
            get_template(path.relative_to(folder).as_posix())
