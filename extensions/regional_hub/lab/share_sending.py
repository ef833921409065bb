"""Publications on their way: each sent by a thread of its own, asked after until it has arrived.

It knows nothing of what is sent.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from regional_hub.lab.share import ShareError

MOST_AT_ONCE = 2
KEPT = 600  # seconds that an answer can be fetched
Work = Callable[[Callable[[int, int], None]], Any]


@dataclass
class _Sending:
    sent: int = 0
    total: int = 0
    answer: Any = None
    error: dict[str, str] | None = None
    began: float = field(default_factory=time.monotonic)

    @property
    def ended(self) -> bool:
        return self.answer is not None or self.error is not None


class Sendings:
    """What this server is sending, by random numbers that only who began it knows."""

    def __init__(self) -> None:
        self._all: dict[str, _Sending] = {}
        self._lock = threading.Lock()

    def begin(self, work: Work) -> str:
        """Start; `work` is given how to say how far it is. Raises ShareError where too many are on their way."""
        with self._lock:
            old = time.monotonic() - KEPT
            self._all = {key: each for key, each in self._all.items() if not each.ended or each.began > old}
            if sum(not each.ended for each in self._all.values()) >= MOST_AT_ONCE:
                raise ShareError("busy", "two are being sent; wait for one of them", "已有两项正在发送，请稍候")
            number, mine = secrets.token_hex(8), _Sending()
            self._all[number] = mine
        threading.Thread(target=self._send, args=(mine, work), daemon=True).start()
        return number

    def state(self, number: str) -> dict[str, Any]:
        """Bytes `sent` of `total`, and at the end `answer` or `error`. Raises ShareError."""
        found = self._all.get(number)
        if found is None:
            raise ShareError("no-sending", "nothing of that number was sent", "没有该发送记录")
        return {"sent": found.sent, "total": found.total, "answer": found.answer, "error": found.error}

    @staticmethod
    def _send(mine: _Sending, work: Work) -> None:
        def progress(sent: int, total: int) -> None:
            mine.sent, mine.total = sent, total

        try:
            mine.answer = work(progress) or {}
        except ShareError as error:
            mine.error = {"code": error.code, "en": error.en, "zh": error.zh}
        except Exception as error:
            name = type(error).__name__
            mine.error = {"code": "failed", "en": f"it could not be sent ({name})", "zh": f"发送失败（{name}）"}
            raise
