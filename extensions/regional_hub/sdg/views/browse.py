"""Browse: the front page of the database."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path

from regional_hub.sdg.explorer.book import Book
from regional_hub.sdg.views.common import page


@page
def front(request: HttpRequest, book: Book) -> HttpResponse:
    return render(request, "sdg/front.html", {"book": book})


urlpatterns = [path("sdg/", front, name="sdg")]
