from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

SCRIPT = Path(__file__).resolve().parents[2] / "notebooks" / "run.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("run_notebooks", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def notebook(path: Path, *sources: str) -> Path:
    cells = [new_markdown_cell("words"), *(new_code_cell(source) for source in sources)]
    cells[-1].metadata = nbformat.from_dict({"tags": ["kept"], "scrolled": True})
    nbformat.write(new_notebook(cells=cells, metadata={"widgets": {}}), path)
    return path


def test_a_second_run_changes_nothing(script: ModuleType, tmp_path: Path) -> None:
    path = notebook(tmp_path / "n.ipynb", "print(1)\nprint(2)", "import sys; 1 + 1")
    first = script.run(path)
    path.write_text(first, encoding="utf-8")
    assert script.run(path) == first
    stored = nbformat.read(path, as_version=4)
    assert [cell.id for cell in stored.cells] == ["cell-00", "cell-01", "cell-02"]
    assert set(stored.metadata) == {"kernelspec", "language_info"}
    assert [dict(cell.metadata) for cell in stored.cells] == [{}, {}, {"tags": ["kept"]}]
    assert stored.cells[1].outputs[0].text == "1\n2\n"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import sys; print('oh', file=sys.stderr)", "standard error: oh"),
        ("open('left.txt', 'w').close()", r"left behind left\.txt"),
    ],
)
def test_noise_and_litter_are_errors(
    script: ModuleType, tmp_path: Path, source: str, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        script.run(notebook(tmp_path / "n.ipynb", source))


def test_an_error_keeps_the_file(script: ModuleType, tmp_path: Path) -> None:
    path = notebook(tmp_path / "n.ipynb", "assert 1 == 2")
    before = path.read_bytes()
    with pytest.raises(CellExecutionError):
        script.run(path)
    assert path.read_bytes() == before
