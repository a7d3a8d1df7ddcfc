"""`{% taskrealm %}` gives a page its elements."""

from __future__ import annotations

from django import template
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from ..site import pages

register = template.Library()


@register.simple_tag  # type: ignore[untyped-decorator]
def taskrealm() -> SafeString:
    """The HTML that a page needs before it can have elements."""
    return mark_safe(pages().tags(reverse("taskrealm-token")))
