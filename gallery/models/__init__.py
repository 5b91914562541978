from .access import Visibility
from .access_change import AccessChange, AccessChanges
from .access_state import AccessState
from .actor import OPERATOR, WORKER, Actor, ActorKind, Door
from .album import Album, AlbumImage
from .api_token import ApiToken
from .audit_entry import AuditEntry, AuditVerb
from .claim import Claim
from .counted_act import ActKind, CountedAct
from .embedding_failure import EmbeddingFailure
from .favourite import Favourite
from .folded_text import FoldedText
from .image import Image, ImageQuerySet, LibraryStatistics, SearchStatus
from .imported_path import ImportedPath
from .index_state import IndexState
from .job import BulkChange, Job, JobKind, JobQuerySet, time_left
from .job_item import ImportedImage, JobItem, JobSelection
from .library_use import LibraryUse
from .model_change import ModelChange, NextEmbedding
from .periodic_work import PeriodicWork
from .picture_colours import PictureColours
from .query_picture import QueryPicture
from .recognised_text import FoldedRecognisedText, RecognisedText
from .recognised_things import RecognisedThings
from .saved_search import SavedSearch, SearchHistory
from .tag import Tag
from .user import User

__all__ = [
    "OPERATOR",
    "WORKER",
    "AccessChange",
    "AccessChanges",
    "AccessState",
    "ActKind",
    "Actor",
    "ActorKind",
    "Album",
    "AlbumImage",
    "ApiToken",
    "AuditEntry",
    "AuditVerb",
    "BulkChange",
    "Claim",
    "CountedAct",
    "Door",
    "EmbeddingFailure",
    "Favourite",
    "FoldedRecognisedText",
    "FoldedText",
    "Image",
    "ImageQuerySet",
    "ImportedImage",
    "ImportedPath",
    "IndexState",
    "Job",
    "JobItem",
    "JobKind",
    "JobQuerySet",
    "JobSelection",
    "LibraryStatistics",
    "LibraryUse",
    "ModelChange",
    "NextEmbedding",
    "PeriodicWork",
    "PictureColours",
    "QueryPicture",
    "RecognisedText",
    "RecognisedThings",
    "SavedSearch",
    "SearchHistory",
    "SearchStatus",
    "Tag",
    "User",
    "Visibility",
    "time_left",
]
