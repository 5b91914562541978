"""Django for the parts that need it: the tests' settings, with all state in a temporary folder."""

import os


def with_data_dir(folder: str) -> dict[str, str]:
    """Return the environment of a process that keeps its state in `folder`."""
    return {**os.environ, "IMAGESEARCH_DATA_DIR": folder}


def set_up() -> None:
    """Start Django with the tests' settings; a temporary data folder is made unless one is given."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
