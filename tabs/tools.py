"""The page's endpoints as tools for other programs (Model Context Protocol): off by default."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import gradio as gr
import gradio.mcp

from pneumo import PneumoError
from tabs.doors import Doors

NOT_INSTALLED = (
    "PNEUMO_MCP=1 needs a package that is not installed; run "
    f'pip install "gradio[mcp]=={gr.__version__}", or leave PNEUMO_MCP out.'
)
NO_LOGIN = "The tools of PNEUMO_MCP=1 know no login; leave either PNEUMO_MCP or PNEUMO_AUTH out."


def wanted(doors: Doors) -> bool:
    """Whether ``PNEUMO_MCP`` asks for tools. Raises PneumoError where there can be none."""
    if os.environ.get("PNEUMO_MCP", "0") in ("", "0"):
        return False
    if doors.logins is not None:
        raise PneumoError(NO_LOGIN)
    if find_spec("mcp") is None:
        raise PneumoError(NOT_INSTALLED)
    return True


def keep_films_in(folder: Path) -> None:
    """A film given to a tool is written here, where uploads are swept, and not beside them."""
    gradio.mcp.DEFAULT_TEMP_DIR = str(folder)


def require_served(page: gr.Blocks) -> None:
    """Gradio serves a page whose tools have failed, and only prints so. Raises PneumoError."""
    if page.mcp_error:
        raise PneumoError(page.mcp_error)
