"""The endpoints as tools of the Model Context Protocol: none by default, these three when asked."""

from __future__ import annotations

import ast
import asyncio
import base64
import tempfile
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import EXAMPLES

import app
from pneumo.errors import PneumoError
from pneumo.password import Logins
from pneumo.reader import Reader
from tabs import tools
from tabs.doors import Doors

HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-03-26",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
ACCEPTED = {"Accept": "application/json, text/event-stream"}


def address_of(page: str) -> str:
    return f"{page}gradio_api/mcp/"


def test_tools_are_off_unless_they_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_MCP_SERVER", "true")  # gradio's own switch is not ours
    for value in (None, "", "0"):
        monkeypatch.delenv("PNEUMO_MCP", raising=False)
        if value is not None:
            monkeypatch.setenv("PNEUMO_MCP", value)
        assert not tools.wanted(Doors())


def test_without_the_package_the_start_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PNEUMO_MCP", "1")
    monkeypatch.setattr(tools, "find_spec", lambda name: None)
    with pytest.raises(PneumoError, match=r'pip install "gradio\[mcp\]=='):
        tools.wanted(Doors())


def test_tools_and_logins_exclude_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PNEUMO_MCP", "1")
    with pytest.raises(PneumoError, match="no login"):
        tools.wanted(Doors(logins=Logins({})))


def test_a_page_served_as_usual_has_no_tools(
    tiny_reader: Reader, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GRADIO_MCP_SERVER", "true")
    page = app.build(tiny_reader, examples=tmp_path)
    address = app.launch(page, prevent_thread_lock=True, quiet=True)
    answer = httpx.post(address_of(address), json=HELLO, headers=ACCEPTED)
    page.close()
    assert answer.status_code in (404, 405)
    assert page.mcp_server is False


@pytest.fixture(scope="module")
def served(tiny_reader: Reader, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if find_spec("mcp") is None:
        pytest.skip('the extra "mcp" is not installed')
    page = app.build(tiny_reader, examples=tmp_path_factory.mktemp("none"))
    yield app.launch(page, with_tools=True, prevent_thread_lock=True, quiet=True)
    page.close()


def asked(address: str, name: str | None = None, **arguments: Any) -> Any:
    """The tools of a page, or what one of them answers."""
    mcp = import_module("mcp")  # here, since only the extra has it
    http = import_module("mcp.client.streamable_http")

    async def ask() -> Any:
        async with (
            http.streamablehttp_client(address_of(address)) as (incoming, outgoing, _),
            mcp.ClientSession(incoming, outgoing) as session,
        ):
            await session.initialize()
            if name is None:
                return (await session.list_tools()).tools
            return await session.call_tool(name, arguments)

    return asyncio.run(ask())


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_tools_are_the_public_endpoints_and_say_what_they_are_for(served: str) -> None:
    told = {tool.name: tool for tool in asked(served)}
    assert set(told) == {"read", "compare", "batch"}
    for tool in told.values():
        assert "not a diagnosis" in tool.description
        film, point = tool.inputSchema["properties"].values()
        assert "base64" in film["description"]
        assert "screening" in point["description"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_tool_reads_a_film_and_leaves_none_outside_the_uploads(
    served: str, tiny_reader: Reader
) -> None:
    elsewhere = Path(tempfile.gettempdir(), "gradio")  # which nobody sweeps
    before = set(elsewhere.rglob("*"))
    data = (EXAMPLES / "normal-1.png").read_bytes()
    film = f"data:image/png;base64,{base64.b64encode(data).decode()}"
    answer = asked(served, "read", film=film, operating_point="balanced")
    assert not answer.isError
    said = ast.literal_eval(answer.content[0].text)  # gradio writes it as Python would
    expected = tiny_reader.read(data, operating_point="balanced")
    assert said["probability"] == pytest.approx(expected.estimate.probability, abs=1e-5)
    assert said["decision"] == expected.decision.value
    assert set(elsewhere.rglob("*")) == before
    refused = asked(served, "read", film="https://example.org/film.png", operating_point="balanced")
    assert refused.isError  # nothing is fetched from an address
