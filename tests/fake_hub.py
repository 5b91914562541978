"""A model hub on loopback: as much of the real one's HTTP as its client needs to download, with ranges."""

import contextlib
import fnmatch
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

LARGE = ("*.safetensors", "*.bin", "*.model")


class FakeHub:
    """`add` gives a repository a commit; the last one added is its `main`. Use it as a context manager.

    `pause_after` bytes of one large file the hub falls silent until `go_on` is called. `requests` lists what was
    asked: (method, path, Range header).
    """

    def __init__(self):
        self.commits = {}
        self.main = {}
        self.declared_size = {}
        self.requests = []
        self.tokens_at_hub = []
        self.tokens_at_cdn = []
        self.refuse_with = None
        self.pause_after = None
        self.paused = threading.Event()
        self._released = threading.Event()
        hub = self

        class Handler(_Handler):
            def __init__(self, *args):
                self.hub = hub
                super().__init__(*args)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.cdn_url = f"http://localhost:{self._server.server_port}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *exc):
        self.go_on()
        self._server.shutdown()
        self._server.server_close()

    def add(self, name, folder, *, commit="a" * 40):
        self.commits.setdefault(name, {})[commit] = Path(folder)
        self.main[name] = commit
        return commit

    def go_on(self):
        self.pause_after = None
        self._released.set()

    def wait_while_paused(self):
        self.paused.set()
        self._released.wait(60)

    def asked_for(self, method, suffix):
        """Return the Range header of each such request for content; redirects are no content."""
        return [
            asked
            for verb, path, asked in self.requests
            if verb == method and path.endswith(suffix) and ("/resolve/" not in path or not _is_large(path))
        ]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: FakeHub

    def do_GET(self):
        self._answer()

    def do_HEAD(self):
        self._answer()

    def log_message(self, *args):
        pass

    def _answer(self):
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append((self.command, path, self.headers.get("Range")))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            if self.hub.refuse_with is not None:
                status, code = self.hub.refuse_with
                self._refuse(status, code)
            elif path.startswith("/api/models/"):
                self._api(path.removeprefix("/api/models/"))
            elif path.startswith("/cdn/"):
                self.hub.tokens_at_cdn.append(self.headers.get("Authorization"))
                name, commit, file = path.removeprefix("/cdn/").split("//")
                self._content(self.hub.commits[name][commit] / file, commit, _sha256)
            else:
                name, _, rest = path.lstrip("/").partition("/resolve/")
                revision, _, file = rest.partition("/")
                self._file(name, revision, file)

    def _api(self, path):
        name = "/".join(path.split("/")[:2])
        action, _, revision = path.removeprefix(name).strip("/").partition("/")
        if name not in self.hub.commits:
            self._refuse(404, "RepoNotFound")
            return
        if action == "commits":
            commits = reversed(self.hub.commits[name])
            date = "2024-01-01T00:00:00.000Z"
            self._json([{"id": each, "title": "", "message": "", "date": date, "authors": []} for each in commits])
            return
        commit = self._commit(name, revision or "main")
        if commit is None:
            self._refuse(404, "RevisionNotFound")
        elif action == "tree":
            self._json([self._entry(name, commit, file, "path", "oid") for file in self._files(name, commit)])
        else:
            siblings = [self._entry(name, commit, file, "rfilename", "blobId") for file in self._files(name, commit)]
            self._json({"_id": "1", "id": name, "modelId": name, "sha": commit, "siblings": siblings})

    def _commit(self, name, revision):
        if revision == "main":
            return self.hub.main[name]
        return revision if revision in self.hub.commits[name] else None

    def _files(self, name, commit):
        folder = self.hub.commits[name][commit]
        return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())

    def _entry(self, name, commit, file, path_key, id_key):
        content = self.hub.commits[name][commit] / file
        size = self.hub.declared_size.get(file, content.stat().st_size)
        entry = {"type": "file", path_key: file, "size": size, id_key: _sha1(content)}
        if _is_large(file):
            digest = _sha256(content)
            entry["lfs"] = {"sha256": digest, "oid": digest, "size": size, "pointerSize": 130}
        return entry

    def _file(self, name, revision, file):
        commit = self._commit(name, revision) if name in self.hub.commits else None
        if commit is None or file not in self._files(name, commit):
            self._refuse(404, "EntryNotFound")
            return
        path = self.hub.commits[name][commit] / file
        if _is_large(file):
            self._redirect(name, commit, file)
        else:
            self._content(path, commit, _sha1)

    def _redirect(self, name, commit, file):
        """Send the client to another host, as the hub does for whatever git-lfs holds."""
        self.hub.tokens_at_hub.append(self.headers.get("Authorization"))
        path = self.hub.commits[name][commit] / file
        self.send_response(302)
        self.send_header("X-Repo-Commit", commit)
        self.send_header("X-Linked-ETag", f'"{_sha256(path)}"')
        self.send_header("X-Linked-Size", str(path.stat().st_size))
        self.send_header("Location", f"{self.hub.cdn_url}/cdn/{name}//{commit}//{file}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _content(self, path, commit, etag):
        content = path.read_bytes()
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").split("-")[0])
        self.send_response(206 if self.headers.get("Range") else 200)
        self.send_header("X-Repo-Commit", commit)
        self.send_header("ETag", f'"{etag(path)}"')
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(content) - start))
        if self.headers.get("Range"):
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        if self.command == "HEAD":
            return
        pause_after = self.hub.pause_after
        if pause_after is not None and _is_large(path.name):
            self.wfile.write(content[start:pause_after])
            self.wfile.flush()
            self.hub.wait_while_paused()
            start = pause_after
        self.wfile.write(content[start:])

    def _json(self, content):
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _refuse(self, status, code):
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("X-Error-Message", code)
        self.send_header("Content-Length", "0")
        self.end_headers()


def _is_large(file):
    return any(fnmatch.fnmatch(file, pattern) for pattern in LARGE)


def _sha1(path):
    return hashlib.sha1(path.read_bytes(), usedforsecurity=False).hexdigest()


def _sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()
