import rxagent

project = "rxagent"
author = "The rxagent authors"
copyright = f"2026, {author}"
release = version = rxagent.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]

nitpicky = True
# The docs are built without a network, so names of the standard library lead nowhere.
nitpick_ignore_regex = [("py:.*", r"(collections|os|pathlib|typing)\..*")]
html_theme = "furo"
html_title = "rxagent"
