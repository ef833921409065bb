"""A person's server used from outside, as a browser would: start it, run code in a kernel, stop it.

For `./hub doctor`'s synthetic user and for tests; only the Hub's and the server's public APIs, through the front door.
"""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import httpx
from websockets.sync.client import connect

from regional_hub.operate.servers import call
from regional_hub.settings import Settings


class RemoteError(RuntimeError):
    """A server that did not start, or code that failed in it; the message is what the person would have seen."""


@dataclass
class Result:
    """What a piece of code gave back: text streams, rich outputs by media type, and the error if it raised one."""

    text: str = ""
    outputs: list[dict[str, Any]] = field(default_factory=list)
    error: str | None = None


class Server:
    """One server of one person, by a token of that person's own. Use as a context manager: it stops at the end."""

    def __init__(self, settings: Settings, owner: str, server: str = "") -> None:
        self.settings, self.owner, self.server = settings, owner, server
        answer = call(settings, "POST", f"/users/{owner}/tokens", {"expires_in": 3600, "note": "synthetic"})
        self.token: str = answer["token"]
        self.token_id: str = answer["id"]
        self.base = f"{settings.url}/user/{owner}/" + (f"{server}/" if server else "")
        self.http = httpx.Client(headers={"Authorization": f"token {self.token}"}, timeout=60)
        self._api = f"{settings.url}/hub/api/users/{owner}/" + (f"servers/{server}" if server else "server")

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_error: type[BaseException] | BaseException | TracebackType | None) -> None:
        try:
            self.stop()
        finally:
            self.http.close()
            call(self.settings, "DELETE", f"/users/{self.owner}/tokens/{self.token_id}")

    def start(self, timeout: float = 120, **options: Any) -> float:
        """Start and wait until it answers; returns the seconds it took. Raises RemoteError with the Hub's reason."""
        begun = time.monotonic()
        reply = self.http.post(self._api, json=options)
        if reply.status_code >= 400:
            raise RemoteError(reply.json().get("message", reply.text))
        if not self.ready():  # whatever the status said: the Hub may say 201 while the server still starts
            self._follow_progress(timeout)
        return time.monotonic() - begun

    def _follow_progress(self, timeout: float) -> None:
        with self.http.stream("GET", f"{self._api}/progress", timeout=timeout) as events:
            if events.status_code != 200:
                raise RemoteError(f"no progress of {self.owner}/{self.server}: HTTP {events.status_code}")
            for line in events.iter_lines():
                if not line.startswith("data:"):
                    continue
                event = json.loads(line.removeprefix("data:"))
                if event.get("failed"):
                    raise RemoteError(event["message"])
                if event.get("ready"):
                    return
        raise RemoteError(f"{self.owner}/{self.server} did not become ready")

    def stop(self, timeout: float = 60) -> None:
        """Stop and wait until it is gone."""
        self.http.delete(self._api)
        deadline = time.monotonic() + timeout
        while self.ready() is not None and time.monotonic() < deadline:
            time.sleep(0.1)

    def ready(self) -> bool | None:
        """Whether it answers; None when the Hub knows no such running server."""
        servers = call(self.settings, "GET", f"/users/{self.owner}")["servers"]
        return bool(servers[self.server]["ready"]) if self.server in servers else None

    def kernel(self) -> Kernel:
        """A new Python kernel."""
        reply = self.http.post(f"{self.base}api/kernels", json={"name": "python3"})
        reply.raise_for_status()
        return Kernel(self, reply.json()["id"])


class Kernel:
    """A kernel, spoken to over the websocket that JupyterLab uses."""

    def __init__(self, server: Server, kernel_id: str) -> None:
        self.server, self.id = server, kernel_id

    def run(self, code: str, timeout: float = 120, *, check: bool = True) -> Result:
        """Run code to its end. Raises RemoteError with the traceback where it raised (unless `check` is off)."""
        url = f"{self.server.base}api/kernels/{self.id}/channels".replace("http", "ws", 1)
        headers = {"Authorization": f"token {self.server.token}"}
        message = _execute_request(code)
        found = Result()
        with connect(url, additional_headers=headers, max_size=2**26, open_timeout=60) as socket:
            socket.send(json.dumps(message))
            deadline = time.monotonic() + timeout
            while True:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise RemoteError(f"not finished after {timeout:g} s; so far: {found.text}")
                try:
                    reply = json.loads(socket.recv(timeout=left))
                except TimeoutError:
                    continue
                if reply.get("parent_header", {}).get("msg_id") == message["header"]["msg_id"] and _take(found, reply):
                    break
        if found.error and check:
            raise RemoteError(f"{found.text}\n{found.error}")
        return found


def _execute_request(code: str) -> dict[str, Any]:
    """Jupyter's messaging protocol 5.3, `execute_request`."""
    header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "username": "", "session": uuid.uuid4().hex}
    content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False, "stop_on_error": True}
    return {
        "header": {**header, "version": "5.3"},
        "parent_header": {},
        "metadata": {},
        "content": content,
        "channel": "shell",
        "buffers": [],
    }


def _take(found: Result, reply: dict[str, Any]) -> bool:
    """Add one message to the result; True when it was the last."""
    kind, content = reply["header"]["msg_type"], reply["content"]
    if kind == "stream":
        found.text += content["text"]
    elif kind in ("execute_result", "display_data"):
        found.outputs.append(content["data"])
    elif kind == "error":
        found.error = "\n".join(content["traceback"]) or f"{content['ename']}: {content['evalue']}"
    return kind == "status" and content["execution_state"] == "idle"
