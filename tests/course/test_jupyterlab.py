"""A notebook with sliders and an animation, in JupyterLab, as a learner uses it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import nbformat
import pytest
from chromium import Page
from conftest import missing
from nbclient import NotebookClient

CELLS = (
    """\
import pandas as pd
from simqueue import simulate
from simqueue.course import animate, explore, figure
from simqueue.workload.reading import build_scenario

queue = {"service": {"distribution": "exponential", "mean_s": 1.0}}
load = {"order": {"rate_per_s": 1.5}}
scenario = build_scenario({"duration_s": 30, "arrivals": load, "queues": {"order": queue}})
log = simulate(scenario).log""",
    """\
def waits(load=0.8, slots=5):
    wait = load / (1 - load) / slots
    with figure("A wait", f"The wait is {wait:.3f} s.", pd.DataFrame({"s": [wait]})) as axes:
        axes.bar(["wait"], [wait])


explore(waits, load=(0.5, 0.95), slots=[1, 5, 20])""",
    """animate(log, "order", finding="Jobs come and go.")""",
    """\
import simqueue as sq

view = sq.play("outage.toml")
view""",
    """print("; ".join(change.words for change in view.session.changes))""",
)
TOKEN = "course"
PATIENCE_S = 90.0


@contextmanager
def lab(folder: Path) -> Iterator[str]:
    """Run JupyterLab in a folder, with nothing of the user's; gives its address."""
    if not shutil.which("jupyter-lab", path=str(Path(sys.executable).parent)):
        missing("JupyterLab")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    home = folder / "home"
    own = {"HOME": str(home), "JUPYTER_CONFIG_DIR": str(home), "JUPYTER_RUNTIME_DIR": str(home),
           "IPYTHONDIR": str(home / "ipython"), "JUPYTERLAB_SETTINGS_DIR": str(home),
           "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces")}  # fmt: skip
    (folder / "notebooks").mkdir()
    options = [f"--ServerApp.port={port}", "--ServerApp.port_retries=0", "--ServerApp.ip=127.0.0.1",
               f"--IdentityProvider.token={TOKEN}", "--no-browser", "--allow-root",
               f"--ServerApp.root_dir={folder / 'notebooks'}",
               "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]  # fmt: skip
    with (folder / "log").open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options], env=os.environ | own,
            stdin=subprocess.DEVNULL, stdout=output, stderr=output,
        )  # fmt: skip
    try:
        address = f"http://127.0.0.1:{port}"
        await_answer(f"{address}/api/status?token={TOKEN}", server)
        yield address
    finally:
        server.terminate()  # It ends its kernels first.
        try:
            server.wait(timeout=20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def await_answer(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        assert server.poll() is None, "JupyterLab has ended"
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            assert time.monotonic() < deadline, "JupyterLab does not answer"
            time.sleep(0.2)


def until(page: Page, condition: str) -> None:
    """Wait longer than a page's own patience: kernels take their time."""
    deadline = time.monotonic() + PATIENCE_S
    while not page.value(
        f"(() => {{ try {{ return {condition}; }} catch {{ return false; }} }})()"
    ):
        assert time.monotonic() < deadline, f"never: {condition}"
        time.sleep(0.1)


def run(page: Page, number: int) -> None:
    """Run a cell with Shift+Enter, again if the notebook was not ready for it."""
    cell = f"document.querySelectorAll('.jp-CodeCell')[{number}]"
    prompt = f"{cell}.querySelector('.jp-InputPrompt').textContent"
    deadline = time.monotonic() + PATIENCE_S
    while page.value(prompt).strip() in ("", "[ ]:"):
        assert time.monotonic() < deadline, f"cell {number} does not start"
        page.value(f"{cell}.querySelector('.cm-content').focus()")
        page.press("Enter", shift=True)
        time.sleep(1)
    until(page, rf"/\d/.test({prompt})")


def saved(file: Path) -> Any:
    """The notebook, once it has been saved with its outputs."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        with suppress(nbformat.reader.NotJSONError):  # it is being written
            notebook = nbformat.read(file, as_version=4)
            if notebook.cells[1].outputs:
                return notebook
        assert time.monotonic() < deadline, "it is never saved"
        time.sleep(0.1)


KERNEL = "document.querySelector('.jp-Notebook-ExecutionIndicator').dataset.status"
PICTURE = "document.querySelector('.jp-OutputArea img')"


def opened(page: Page, address: str, name: str) -> None:
    page.look(1280, height=1800)
    page.call("Page.navigate", url=f"{address}/lab/tree/{name}?token={TOKEN}")
    until(page, f"document.querySelectorAll('.jp-CodeCell').length === {len(CELLS)}")


def made(file: Path, *, outputs: bool = False) -> None:
    """Write the notebook, with or without the outputs that a program stores."""
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    if outputs:
        quiet = ["--IPKernelApp.log_level=ERROR"]
        NotebookClient(notebook, kernel_name="python3", extra_arguments=quiet).execute()
    nbformat.write(notebook, file)


@pytest.mark.slow
def test_sliders_animation_and_live_view_in_jupyterlab(page: Page, tmp_path: Path) -> None:
    with lab(tmp_path) as address:
        file = tmp_path / "notebooks" / "tools.ipynb"
        made(file)
        opened(page, address, file.name)
        until(page, f"{KERNEL} === 'idle'")
        for number in range(len(CELLS) - 1):
            run(page, number)
        until(page, f"{PICTURE}.alt === 'The wait is 0.800 s.'")
        handles = "[...document.querySelectorAll('.noUi-handle')]"
        names = f"{handles}.map(handle => handle.getAttribute('aria-label')).join()"
        until(page, f"{names} === 'load,slots'")
        before = page.value(f"{PICTURE}.src")
        page.value("document.querySelector('.noUi-handle').focus()")
        page.press("ArrowRight")
        until(page, f"{PICTURE}.alt === 'The wait is 0.853 s.'")
        assert page.value(f"{PICTURE}.src") != before
        page.value("document.querySelectorAll('.noUi-handle')[1].focus()")
        page.press("End")
        until(page, f"{PICTURE}.alt === 'The wait is 0.213 s.'")

        until(page, "document.querySelector('iframe').sandbox.value === 'allow-scripts'")
        with page.frame():
            page.until("document.querySelectorAll('#jobs g').length > 20")
            assert page.value("document.querySelector('h1').textContent") == "Jobs come and go."
            page.value("play.click()")
            page.until("now > 0")

        until(page, "document.querySelector('.sq-play .lane h2').textContent === 'payment'")
        page.value("document.querySelector('[aria-label=\"Kill worker 1\"]').click()")
        news = "document.querySelector('.sq-play [role=status]').textContent"
        until(page, f"{news}.includes('killed')")
        page.value("document.querySelector('.sq-play .main').click()")
        until(page, "parseFloat(document.querySelector('.sq-play .clock').textContent) > 1")
        until(page, "document.querySelector('.sq-play canvas').width > 300")
        run(page, len(CELLS) - 1)  # the session of the view, from code
        until(page, "[...document.querySelectorAll('.jp-OutputArea-output')].at(-1)"
                    ".innerText.trim() === 'worker 1 was killed'")  # fmt: skip
        page.value("document.querySelector('[data-command=\"docmanager:save\"]').click()")
        sliders, picture = saved(file).cells[1].outputs
    # JupyterLab warns where the machine is slow, and where its debugger was asked as a page went.
    own = ("ms to activate", "Could not restore the debugger state")
    assert [error for error in page.errors if not any(words in error for words in own)] == []
    # A page without sliders has the note, and the picture as it was last.
    assert "load from 0.5 to 0.95" in sliders.data["text/html"]
    assert picture.data["text/plain"] == "The wait is 0.213 s."


@pytest.mark.slow
def test_before_it_is_run_a_stored_notebook_has_its_pictures(page: Page, tmp_path: Path) -> None:
    with lab(tmp_path) as address:
        made(tmp_path / "notebooks" / "stored.ipynb", outputs=True)
        opened(page, address, "stored.ipynb")

        until(page, f"{PICTURE}.alt === 'The wait is 0.800 s.' && {PICTURE}.naturalWidth > 0")
        shown = "[...document.querySelectorAll('.jp-OutputArea-output')].map(o => o.innerText)"
        note, _, animation, *_ = page.value(shown)
        assert note.strip().startswith("Run in JupyterLab, this cell has sliders: load")
        # JupyterLab shows no frame of a notebook that it does not trust.
        assert animation.startswith("Run this cell to see the animation.")
