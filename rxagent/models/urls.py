"""URLs as a model shows them: without the user, the password and the key in them."""

from __future__ import annotations

import re

__all__ = ["shown_url"]

_USER = re.compile(r"(?<=://)[^\s/?#]*@")
_KEY = re.compile(
    r"(?<=[?&])([\w.-]*(?:key|token|secret|password|signature|sig)=)[^\s&#'\"]+", re.IGNORECASE
)


def shown_url(text: str) -> str:
    """Return a text, such as a URL, without what the URLs in it keep secret."""
    if "://" not in text:
        return text
    return _KEY.sub(r"\1[secret]", _USER.sub("", text))
