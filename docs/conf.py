"""How Sphinx makes the site: ``python -m sphinx -W -j auto -c docs . build/site``.

The source is the whole clone, so that links between pages, lessons and files are the same here, in
an editor and on a git host. What pages hold on the site only, `site_pages` puts there.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "tests")]

import site_pages  # noqa: E402

from simqueue import __version__  # noqa: E402

#: ``https://github.com/OWNER/NAME``: lessons then have links that start them on Binder and Colab.
#: Empty: none. It stands nowhere else; ``-D repository=...`` sets it for one build.
repository = ""

project = "simqueue"
release = __version__
copyright = "the authors of simqueue; MIT licence"  # noqa: A001 (Sphinx's name)
language = "en"

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "docs/index"
include_patterns = ["docs/*.md", "notebooks/*.ipynb", "[A-Z]*.md"]
exclude_patterns = [".*", "benchmarks", "build", "data", "simqueue", "tests"]

html_theme = "furo"
html_title = "simqueue"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_extra_path = ["top"]
html_copy_source = False
html_theme_options = {"navigation_with_keys": True}
# With them, the theme would copy a contents list of hundreds of names onto every page.
toc_object_entries = False

# Lessons are shown as they were stored: `notebooks/run.py` runs them, and CI compares.
nb_execution_mode = "off"
nb_code_prompt_show = "Show the code"
nb_code_prompt_hide = "Hide the code"
myst_heading_anchors = 4
myst_enable_extensions = ["html_image"]

# A name in a docstring's single backticks is a link where there is something to link to.
default_role = "py:obj"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False


def setup(app: Any) -> dict[str, bool]:
    """Let pages be filled as they are read."""
    app.add_config_value("repository", "", "env", types=str)
    app.connect("source-read", _fill)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _fill(app: Any, page: str, source: list[str]) -> None:
    if page.startswith("notebooks/"):
        source[0] = site_pages.lesson(source[0], page, app.config.repository)
    elif page == "docs/python-api":
        source[0] = site_pages.with_docstrings(source[0])
    elif page == "docs/commands":
        source[0] = site_pages.with_commands(source[0])
