"""WSGI entry point, of `manage.py serve` too."""

import os

from django.core.wsgi import get_wsgi_application

from imagesearch_project.first_page import prepare_first_page
from imagesearch_project.readable_headers import with_readable_headers

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "imagesearch_project.settings")
application = with_readable_headers(get_wsgi_application())
prepare_first_page()
