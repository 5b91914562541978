"""The real settings, with all state in a temporary folder, and what would only cost time made cheap."""

import os
import tempfile

if "IMAGESEARCH_DATA_DIR" not in os.environ:  # whoever starts the tests makes it and removes it
    os.environ["IMAGESEARCH_DATA_DIR"] = tempfile.mkdtemp(prefix="imagesearch-tests-")
os.environ.setdefault("IMAGESEARCH_ENCODER", "offline")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("IMAGESEARCH_READ_TEXT", "off")  # tests of reading turn it on: it takes a process of seconds
os.environ.setdefault("IMAGESEARCH_STARTS_WORKER", "false")  # the fixture quick_worker embeds

from imagesearch_project.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # noqa: F405
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STATIC_ROOT.mkdir(exist_ok=True)  # noqa: F405 -- whitenoise warns about a missing folder at every request
