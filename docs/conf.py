import sys
from pathlib import Path

import rxagent

sys.path.insert(0, str(Path(__file__).parent / "examples"))  # Diagrams import them.

project = "rxagent"
author = "The rxagent authors"
copyright = f"2026, {author}"
release = version = rxagent.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "rxagent.testing.sphinx"]
exclude_patterns = ["_build"]
default_role = "code"
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
napoleon_numpy_docstring = False

nitpicky = True
nitpick_ignore_regex = [
    # The docs are built without a network, so names of other libraries cannot be linked.
    (
        "py:.*",
        r"(asyncio|collections|contextlib|inspect|logging|os|pathlib|random|reactivex|threading"
        r"|types|typing)\..*",
    ),
    # Type variables are private, and so are these packages.
    ("py:.*", r"(.*\.)?~?_[A-Z]\w*"),
    ("py:.*", r"rxagent\.(runs\.inbox|streams|testing\.marbles|testing\.world)\..*"),
]
html_theme = "furo"
html_title = "rxagent"
