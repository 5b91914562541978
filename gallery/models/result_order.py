"""What the results of a search are listed by, where that is not how near they are."""

from collections.abc import Mapping
from typing import Final

from django.db.models import F, OrderBy

from gallery.retrieval.request import Order

from .name_order import NameOrder

_NEWEST = (F("created_at").desc(), F("pk").desc())

ORDERS: Final[Mapping[Order, tuple[OrderBy, ...]]] = {
    Order.RELEVANCE: _NEWEST,
    Order.NEWEST: _NEWEST,
    Order.OLDEST: (F("created_at").asc(), F("pk").asc()),
    Order.TAKEN: (F("taken_at").desc(nulls_last=True), F("pk").desc()),
    Order.SIZE: (F("size_bytes").desc(), F("pk").desc()),
    Order.NAME: (NameOrder("original_name").asc(), F("pk").asc()),
}
