from .access_state import AccessState
from .album import Album, AlbumImage
from .api_token import ApiToken
from .image import Image, ImageQuerySet, Visibility
from .import_job import ImportJob
from .index_state import EncoderKey, IndexState
from .model_change import ModelChange, NextEmbedding
from .query_picture import QueryPicture
from .tag import Tag
from .user import User

__all__ = [
    "AccessState",
    "Album",
    "AlbumImage",
    "ApiToken",
    "EncoderKey",
    "Image",
    "ImageQuerySet",
    "ImportJob",
    "IndexState",
    "ModelChange",
    "NextEmbedding",
    "QueryPicture",
    "Tag",
    "User",
    "Visibility",
]
