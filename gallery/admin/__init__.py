"""The curators' side: Django's admin, one file per model."""

from . import album, api_token, image, import_job, index_state, site, tag, user

__all__ = ["album", "api_token", "image", "import_job", "index_state", "site", "tag", "user"]
