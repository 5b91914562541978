"""ASGI entry point: any ASGI server."""

import os

from django.core.asgi import get_asgi_application

from imagesearch_project.first_page import prepare_first_page
from imagesearch_project.readable_headers import with_readable_async_headers

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "imagesearch_project.settings")
application = with_readable_async_headers(get_asgi_application())
prepare_first_page()
