"""A headless Chromium, driven over a pipe by the protocol of its own developer tools.

No driver program and no package is needed: requests and answers are JSON, ended by a zero byte,
on the browser's file descriptors 3 and 4.
Source: https://chromedevtools.github.io/devtools-protocol/ (``--remote-debugging-pipe``).
"""

from __future__ import annotations

import base64
import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

#: Puts the two pipes where the browser looks for them, then becomes the browser.
_LAUNCH = """
import os, sys
read, write = os.dup(int(sys.argv[1])), os.dup(int(sys.argv[2]))
read, write = os.dup2(read, 21), os.dup2(write, 22)
os.dup2(read, 3), os.dup2(write, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
_PATIENCE_S = 100.0
#: What is said of a question whose page was left before there was an answer.
_LEFT = ("Inspected target navigated or closed", "Execution context was destroyed.")


class PageLeftError(Exception):
    """A page was left while it was asked something."""


class Page:
    """One page in a browser of its own, with what it asked for and what went wrong."""

    def __init__(self, program: str) -> None:
        self._profile = tempfile.TemporaryDirectory(
            prefix="simqueue-chromium-", ignore_cleanup_errors=True
        )
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        options = [
            "--headless=new", "--remote-debugging-pipe", "--no-first-run", "--disable-gpu",
            "--disable-dev-shm-usage", "--disable-background-networking", "--disable-sync",
            "--disable-component-update", "--disable-extensions", "--hide-scrollbars",
            f"--user-data-dir={self._profile.name}", "about:blank",
        ]  # fmt: skip
        if os.geteuid() == 0:
            options.insert(0, "--no-sandbox")
        log = Path(self._profile.name) / "log"
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _LAUNCH, str(theirs_in), str(theirs_out), program, *options],
                pass_fds=(theirs_in, theirs_out), stdin=subprocess.DEVNULL, stdout=output,
                stderr=output,
            )  # fmt: skip
        os.close(theirs_in)
        os.close(theirs_out)
        self._left = b""
        self._number = 0
        self._session: str | None = None
        #: URLs of all requests, and what a developer would see in red.
        self.requests: list[str] = []
        self.errors: list[str] = []
        pages = self.call("Target.getTargets")["targetInfos"]
        page = next(target for target in pages if target["type"] == "page")
        attached = self.call("Target.attachToTarget", targetId=page["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._out)  # The browser ends when nobody talks to it any more.
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._in)
        self._profile.cleanup()

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Ask the browser for something, and wait for its answer."""
        self._number += 1
        asked: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            asked["sessionId"] = self._session
        os.write(self._out, json.dumps(asked).encode() + b"\0")
        # One deadline for the answer: a page that keeps telling news must not put it off for ever.
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            said = self._next(deadline)
            if said.get("id") == self._number:
                if said.get("error", {}).get("message") in _LEFT:
                    raise PageLeftError(method)
                assert "error" not in said, f"{method}: {said['error']}"
                result: dict[str, Any] = said["result"]
                return result

    def open(self, url: str) -> None:
        """Go to a page."""
        self.call("Page.navigate", url=url)
        self.until("document.readyState === 'complete'")

    def value(self, expression: str) -> Any:
        """What a JavaScript expression is."""
        found = self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def until(self, condition: str) -> None:
        """Wait until a condition holds in the page: it is tried whenever the page changes."""
        script = f"""new Promise((resolve, reject) => {{
          const held = () => {{ try {{ return {condition}; }} catch {{ return false; }} }};
          if (held()) return resolve(true);
          const look = () => {{ if (held()) {{ watcher.disconnect(); resolve(true); }} }};
          const watcher = new MutationObserver(look);
          watcher.observe(document, {{subtree: true, childList: true, characterData: true,
                                     attributes: true}});
          document.addEventListener('readystatechange', look);
          addEventListener('load', look);
          setTimeout(() => {{ watcher.disconnect(); resolve(false); }}, {_PATIENCE_S * 800:.0f});
        }})"""
        while True:
            try:
                held = self.value(script)
                break
            except PageLeftError:
                continue  # for another one, or for itself once more: the question is asked there
        assert held, f"never: {condition}\n{self.value('document.body.innerText')}"

    def press(self, key: str, *, shift: bool = False) -> None:
        """Press a key and let go of it."""
        codes = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32, "End": 35, "Home": 36,
                 "ArrowLeft": 37, "ArrowRight": 39, ".": 190, "0": 48, "w": 87}  # fmt: skip
        common = {"key": key, "windowsVirtualKeyCode": codes[key], "modifiers": 8 if shift else 0}
        text = {"Enter": {"text": "\r"}, " ": {"text": " "}}.get(key, {})
        self.call("Input.dispatchKeyEvent", type="keyDown", **common, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    def type(self, text: str) -> None:
        """Type into what has the focus."""
        self.call("Input.insertText", text=text)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Press the mouse at one point and let go of it at another."""
        for kind, (x, y) in (
            ("mousePressed", start), ("mouseMoved", end), ("mouseReleased", end),
        ):  # fmt: skip
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left",
                      buttons=int(kind != "mouseReleased"), clickCount=1)  # fmt: skip

    @contextmanager
    def frame(self) -> Iterator[None]:
        """Within the block, `value` and `until` look into the page's one sandboxed frame."""
        targets = self.call("Target.getTargets")["targetInfos"]
        (target,) = [target for target in targets if target["type"] == "iframe"]
        outside = self._session
        attached = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]
        try:
            yield
        finally:
            self._session = outside

    def look(
        self, width: int, *, dark: bool = False, height: int = 900, reduced: bool = False
    ) -> None:
        """Give the window a width, and its reader a taste in colours and in motion."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=width < 600)  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        motion = {"name": "prefers-reduced-motion", "value": "reduce" if reduced else ""}
        self.call("Emulation.setEmulatedMedia", features=[scheme, motion])

    def screenshot(self, file: Path) -> None:
        """A picture of the whole page."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {**size, "scale": 1}
        taken = self.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(taken["data"]))

    def _next(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._left:
            rest = max(0.0, deadline - time.monotonic())
            readable, _, _ = select.select([self._in], [], [], rest)
            more = os.read(self._in, 1 << 16) if readable else b""
            assert more, f"Chromium says nothing (exit code {self._process.poll()})"
            self._left += more
        line, _, self._left = self._left.partition(b"\0")
        said: dict[str, Any] = json.loads(line)
        self._note(said.get("method", ""), said.get("params", {}))
        return said

    def _note(self, method: str, event: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            self.requests.append(event["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(event["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and event["type"] in ("error", "warning"):
            self.errors.append(json.dumps(event["args"]))
        elif method == "Log.entryAdded" and event["entry"]["level"] in ("error", "warning"):
            self.errors.append(json.dumps(event["entry"]))
