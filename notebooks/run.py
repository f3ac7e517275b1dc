"""Run every notebook and store its outputs; a second run changes nothing.

    python notebooks/run.py             all notebooks
    python notebooks/run.py 00*.ipynb   some
    python notebooks/run.py --check     change nothing, say which would change

Whatever differs from one run to the next (times, versions, random ids) is left out. A notebook
that raises, writes to standard error or leaves a file behind is an error.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

HERE = Path(__file__).resolve().parent
_TIMEOUT_S = 300


def run(path: Path) -> str:
    """Execute a notebook in an empty folder and return its new text.

    Raises
    ------
    CellExecutionError
        If a cell raises.
    ValueError
        If it wrote to standard error, or left a file behind.
    """
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook,
            timeout=_TIMEOUT_S,
            kernel_name="python3",
            resources={"metadata": {"path": folder}},
            record_timing=False,
            # It warns that it talks without encryption; it only talks to this process.
            extra_arguments=["--IPKernelApp.log_level=ERROR"],
        )
        client.execute()
        left = sorted(found.name for found in Path(folder).iterdir())
    if left:
        raise ValueError(f"it left behind {', '.join(left)}")
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.get("name") == "stderr":
                raise ValueError(f"it wrote to standard error: {output.text.strip()}")
    tidy(notebook)
    return nbformat.writes(notebook) + "\n"


def tidy(notebook: Any) -> None:
    """Leave out whatever differs from one run, or one machine, to the next."""
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {
                "display_name": "Python 3 (ipykernel)",
                "language": "python",
                "name": "python3",
            },
            "language_info": {"name": "python"},
        }
    )
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:02d}"
        tags = cell.metadata.get("tags")
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
        if cell.cell_type == "code":
            cell.outputs = _joined(cell.outputs)


def _joined(outputs: list[Any]) -> list[Any]:
    """Text that was printed at one go may arrive in several pieces."""
    joined: list[Any] = []
    for output in outputs:
        last = joined[-1] if joined else None
        if output.output_type == "stream" and last and last.get("name") == output.name:
            last.text += output.text
        else:
            joined.append(output)
    return joined


def main() -> int:
    """Run the command line; the exit code is 1 if a check fails or a notebook has an error."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("files", nargs="*", type=Path, help="notebooks; by default all")
    parser.add_argument("--check", action="store_true", help="change nothing, say what would")
    options = parser.parse_args()
    # Environment variables are the reader's; the stored outputs are those of an empty shop.
    for name in ("WORKER_MODE", "DATABASE_URL", "SMTP_URL", "QUEUE_REDIS_URL"):
        os.environ.pop(name, None)
    wrong = 0
    for path in options.files or sorted(HERE.glob("*.ipynb")):
        try:
            text = run(path)
        except (CellExecutionError, ValueError) as error:
            print(f"{path.name}: {str(error).strip()}", file=sys.stderr)
            wrong = 1
            continue
        changed = text != path.read_text(encoding="utf-8")
        if not options.check and changed:
            path.write_text(text, encoding="utf-8")
        words = "would change" if options.check else "changed"
        print(f"{path.name}: {words if changed else 'unchanged'}", file=sys.stderr)
        wrong |= int(changed and options.check)
    return wrong


if __name__ == "__main__":
    sys.exit(main())
