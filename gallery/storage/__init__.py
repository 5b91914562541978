"""Where the files of pictures lie: on a local disk, where they appear whole, or in a bucket of S3."""

from .content import ContentStorage
from .listing import ListingStorage

__all__ = ["ContentStorage", "ListingStorage"]
