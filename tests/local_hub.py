"""A small Hub on this machine that speaks as much of its protocol as pulling and publishing need.

Written from the requests that huggingface_hub 2.4 makes: revisions and trees by commit, files by
``resolve`` (weights by a redirect to another address, as the Hub does for large files), commits as
newline-delimited JSON, and tags.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

Files = dict[str, bytes]


@dataclass
class LocalHub:
    """One repository: its commits, its tags, and what goes wrong on the way."""

    repo: str
    commits: dict[str, Files] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    altered: Files = field(default_factory=dict)  # path -> what is sent instead
    lost: set[str] = field(default_factory=set)  # listed, but no longer stored
    requests: list[str] = field(default_factory=list)
    endpoint: str = ""
    storage: str = ""  # another host name, else the client takes a file for the Hub itself

    def commit(self, files: Files, *, tag: str | None = None) -> str:
        """Store files as a commit on main; returns its hash."""
        whole = hashlib.sha1(f"{len(self.commits)}".encode())
        for path, data in sorted(files.items()):
            whole.update(path.encode() + data)
        sha = whole.hexdigest()
        self.commits[sha] = dict(files)
        self.refs["main"] = sha
        if tag is not None:
            self.refs[tag] = sha
        return sha

    def at(self, revision: str) -> str | None:
        """The commit a branch, tag or hash stands for."""
        return self.refs.get(revision, revision if revision in self.commits else None)

    @contextmanager
    def serving(self) -> Iterator[LocalHub]:
        """Answer requests on a free port of 127.0.0.1 until the block ends."""
        hub = self

        class Handler(_Handler):
            store = hub

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{server.server_port}"
        self.storage = f"http://localhost:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    # HTTP/1.0, one connection per request: a kept connection would outlive the server's end.
    store: LocalHub

    def log_message(self, format: str, *args: object) -> None:
        self.store.requests.append(f"{self.command} {unquote(urlsplit(self.path).path)}")

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        api, resolve = f"/api/models/{self.store.repo}", f"/{self.store.repo}/resolve/"
        if path == api or path.startswith(f"{api}/revision/"):
            self._info(path.removeprefix(api).removeprefix("/revision/") or "main")
        elif path.startswith(f"{api}/tree/"):
            self._tree(path.removeprefix(f"{api}/tree/"))
        elif path.startswith(resolve):
            revision, _, file = path.removeprefix(resolve).partition("/")
            self._file(revision, file)
        elif path.startswith("/cdn/"):
            _, _, revision, file = path.split("/", 3)
            self._send(200, self.store.altered.get(file, self.store.commits[revision][file]))
        else:
            self._send(404, headers={"X-Error-Code": "RepoNotFound"})

    do_HEAD = do_GET

    def do_POST(self) -> None:
        path = unquote(urlsplit(self.path).path)
        body = self._body()
        api = f"/api/models/{self.store.repo}"
        if path == "/api/repos/create":
            self._json({"url": f"{self.store.endpoint}/{self.store.repo}"})
        elif path == "/api/validate-yaml":
            self._json({"errors": [], "warnings": []})
        elif path == f"{api}/preupload/main":
            names = [file["path"] for file in json.loads(body)["files"]]
            modes = {"uploadMode": "regular", "shouldIgnore": False}
            self._json({"files": [{"path": name, **modes} for name in names]})
        elif path == f"{api}/commit/main":
            self._commit([json.loads(line) for line in body.splitlines()])
        elif path.startswith(f"{api}/tag/"):
            self._tag(path.removeprefix(f"{api}/tag/"), json.loads(body)["tag"])
        else:
            self._send(404, headers={"X-Error-Code": "RepoNotFound"})

    def _info(self, revision: str) -> None:
        sha = self.store.at(revision)
        if sha is None:
            self._send(404, headers={"X-Error-Code": "RevisionNotFound"})
        else:
            self._json({"id": self.store.repo, "sha": sha, "siblings": []})

    def _tree(self, revision: str) -> None:
        sha = self.store.at(revision)
        files = self.store.commits[sha] if sha else {}
        self._json(
            [
                {"type": "file", "path": path, "size": len(data), "oid": _oid(data)}
                for path, data in files.items()
            ]
        )

    def _file(self, revision: str, path: str) -> None:
        sha = self.store.at(revision)
        if sha is None:
            return self._send(404, headers={"X-Error-Code": "RevisionNotFound"})
        data = self.store.commits[sha].get(path)
        if data is None or path in self.store.lost:
            headers = {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": sha}
            return self._send(404, headers=headers)
        etag = {"X-Repo-Commit": sha, "ETag": f'"{_oid(data)}"'}
        if path.endswith(".safetensors"):
            linked = {"X-Linked-Size": str(len(data)), "X-Linked-ETag": etag["ETag"]}
            location = {"Location": f"{self.store.storage}/cdn/{sha}/{path}"}
            return self._send(302, headers={**etag, **linked, **location})
        return self._send(200, self.store.altered.get(path, data), headers=etag)

    def _commit(self, lines: list[dict[str, dict[str, str]]]) -> None:
        files = dict(self.store.commits.get(self.store.refs.get("main", ""), {}))
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "deletedFile":
                del files[value["path"]]
        sha = self.store.commit(files)
        url = f"{self.store.endpoint}/{self.store.repo}/commit/{sha}"
        self._json({"commitUrl": url, "commitOid": sha})

    def _tag(self, revision: str, tag: str) -> None:
        sha = self.store.at(revision)
        if sha is None or tag in self.store.refs:
            return self._send(409 if sha else 404)
        self.store.refs[tag] = sha
        return self._json({})

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _json(self, value: object) -> None:
        self._send(200, json.dumps(value).encode(), headers={"Content-Type": "application/json"})

    def _send(
        self, status: int, data: bytes = b"", *, headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


def _oid(data: bytes) -> str:
    """Git's hash of a file's contents."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
