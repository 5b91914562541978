"""The curators' side: Django's admin, one file per model."""

from . import album, api_token, audit_entry, group, image, index_state, job, sign_in_protection, site, tag, user

__all__ = [
    "album",
    "api_token",
    "audit_entry",
    "group",
    "image",
    "index_state",
    "job",
    "sign_in_protection",
    "site",
    "tag",
    "user",
]
