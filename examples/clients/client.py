"""
Shares a file or folder, and waits until that is done: client.py API.JSON PATH.

It needs requests (pip install requests).
"""

from __future__ import annotations

import hmac
import json
import secrets
import sys
from hashlib import sha256
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests


class Api:
    """The JSON-RPC API of a daemon."""

    def __init__(self, file: str) -> None:
        """:param file: ``api.json`` in the daemon's state directory."""
        with open(file, encoding="utf-8") as opened:
            told = json.load(opened)
        self._url = told["url"]
        self._session = requests.Session()
        self._check(told["token"])
        self._session.headers["Authorization"] = f"Bearer {told['token']}"

    def _check(self, token: str) -> None:
        """Check that the daemon listens there, not another program since the daemon was killed."""
        nonce = secrets.token_hex(32)
        answer = self._session.get(urljoin(self._url, f"/proof?{nonce}"), timeout=10)
        key = sha256(token.encode()).hexdigest().encode()
        place = f"bitween api\n{urlsplit(self._url).netloc}\n{nonce}".encode()
        answer.raise_for_status()
        if hmac.new(key, place, sha256).hexdigest() not in answer.json()["proofs"]:
            raise SystemExit(f"what listens at {self._url} is not the daemon")

    def call(self, method: str, **params: object) -> Any:
        """Call a method with named parameters; its result."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        # events.poll answers after half a minute if nothing happens.
        answer = self._session.post(self._url, json=body, timeout=60)
        answer.raise_for_status()
        document = answer.json()
        if "error" in document:
            raise SystemExit(f"{method}: {document['error']['message']}")
        return document["result"]


def wait_for_job(api: Api, job: str) -> dict[str, Any]:
    """Wait until a job has ended, without asking again and again; the job."""
    position = 0
    while True:
        told: dict[str, Any] = api.call("jobs.get", job=job)
        if told["state"] not in {"queued", "running"}:
            return told
        # The events that are kept come at once, and later ones when they happen.
        page = api.call("events.poll", since=position, types=["job_done", "job_failed"])
        position = page["last"]


def main(file: str, path: str) -> None:
    """Share the path, and print its info-hash."""
    api = Api(file)
    job = wait_for_job(api, api.call("bt.add_path", path=path)["job"])
    if job["state"] != "done":
        raise SystemExit(f"{path}: {job['error']['message'] if job['error'] else job['state']}")
    print(job["result"]["hash"])  # noqa: T201  # it is what this is for


if __name__ == "__main__":
    if len(sys.argv) != 3:  # the program's name, and two arguments
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
