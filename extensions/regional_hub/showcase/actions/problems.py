"""What cannot be done, said with a code for programs, and in either language for people."""

from __future__ import annotations

from typing import Any

from django.utils import translation

from regional_hub.core.actions import Refused


class Problem(Refused):
    """A refusal: `code` never changes, the text is in the reader's language, and `in_language` in another.

    `message` is a lazy translation, into which `facts` are put.
    """

    def __init__(self, code: str, message: Any, **facts: Any) -> None:
        super().__init__(str(message) % facts if facts else str(message))
        self.code, self._message, self._facts = code, message, facts

    def in_language(self, language: str) -> str:
        with translation.override(language):
            return str(self._message) % self._facts if self._facts else str(self._message)
