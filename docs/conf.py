"""Sphinx's settings. `make docs` builds the pages into docs/_build."""

project = "p2p_twisted"
author = "the p2p_twisted developers"
copyright = f"2026, {author}"
html_theme = "alabaster"
html_theme_options = {"page_width": "1080px", "description": "Documents shared between peers", "fixed_sidebar": True}
exclude_patterns = ["_build"]
html_static_path = ["_static"]
highlight_language = "none"
