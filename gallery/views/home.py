from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from gallery.models import Image

from .paging import page_of


def home(request: HttpRequest) -> HttpResponse:
    """The search box and the newest pictures that the visitor may see."""
    page = page_of(Image.objects.visible_to(request.user).newest().for_listing(), request)
    template = "gallery/home.html#more" if request.htmx else "gallery/home.html"
    return render(request, template, {"page": page})
