from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.vary import vary_on_headers

from gallery.models import Image

from .htmx import HtmxHttpRequest
from .paging import page_of


@vary_on_headers("HX-Request")
def home(request: HtmxHttpRequest) -> HttpResponse:
    """The search box and the newest pictures that the visitor may see."""
    page = page_of(Image.objects.visible_to(request.actor).newest(), request)
    template = "gallery/home.html#more" if request.htmx else "gallery/home.html"
    return render(request, template, {"page": page})
