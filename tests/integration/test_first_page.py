"""What is loaded before the first request, and not with it."""

import subprocess
import sys

from django.template import Template
from django.test import Client

from imagesearch_project.first_page import prepare_first_page

ROOT_MODULES = ("gallery.views.home", "gallery.api", "numpy.ma")


def test_a_server_compiles_no_template_for_its_first_pages(db, monkeypatch):
    prepare_first_page()
    compiled: list[str | None] = []
    compile_nodelist = Template.compile_nodelist
    monkeypatch.setattr(
        Template, "compile_nodelist", lambda self: (compiled.append(self.name), compile_nodelist(self))[1]
    )

    for address in ("/", "/search/?q=", "/albums/"):
        Client().get(address)

    assert compiled == []


def test_a_server_has_loaded_its_pages_and_a_command_has_not(data_dir):
    said = {
        start: subprocess.run(
            [sys.executable, "-c", f"import sys, os\n{start}\nprint([name in sys.modules for name in {ROOT_MODULES}])"],
            capture_output=True,
            check=True,
            text=True,
        ).stdout.strip()
        for start in (
            "os.environ['DJANGO_SETTINGS_MODULE'] = 'tests.settings'; import imagesearch_project.wsgi",
            "os.environ['DJANGO_SETTINGS_MODULE'] = 'tests.settings'; import django; django.setup()",
        )
    }

    assert list(said.values()) == ["[True, True, True]", "[False, False, False]"]
