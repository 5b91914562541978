"""The page between choosing an action and carrying it out: what is chosen, a question, perhaps a form."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse

from .base import GalleryAdmin, M

CONFIRMED = "confirmed"
SHOWN_OBJECTS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What the page asks. `dangerous` colours the button; `facts` are sentences above the form."""

    action: str
    title: str
    button: str
    facts: Sequence[str] = ()
    form: forms.Form | None = None
    dangerous: bool = False


def is_confirmed(request: HttpRequest) -> bool:
    return CONFIRMED in request.POST


def answers(request: HttpRequest) -> Any:
    """Return the data for the form of the page: None until it was sent."""
    return request.POST if is_confirmed(request) else None


def ask(admin: GalleryAdmin[M], request: HttpRequest, chosen: QuerySet[M], question: Question) -> TemplateResponse:
    """Show the page. It posts to the same address, so that a choice of "all" means the same filtered list again."""
    choice = admin.get_paginator(request, chosen, SHOWN_OBJECTS)
    context = {
        **admin.admin_site.each_context(request),
        "title": question.title,
        "question": question,
        "opts": admin.opts,
        "media": admin.media if question.form is None else admin.media + question.form.media,
        "shown": choice.page(1).object_list,
        "count": choice.count,
        "more": max(0, choice.count - SHOWN_OBJECTS),
        "checkbox_name": ACTION_CHECKBOX_NAME,
        "selected": request.POST.getlist(ACTION_CHECKBOX_NAME),
        "select_across": request.POST.get("select_across", "0"),
        "confirmed": CONFIRMED,
    }
    return TemplateResponse(request, "admin/gallery/action_page.html", context)
