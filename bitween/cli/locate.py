"""Finds the daemon that a command is for."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping

from bitween.cli.client import ApiClient
from bitween.cli.failures import START_OR_NAME, CommandFailed, NoDaemon, WrongUsage
from bitween.errors import ConfigurationError
from bitween.model.text import quoted
from bitween.storage import api_location
from bitween.storage.api_location import ApiLocation


def find_client(
    args: argparse.Namespace, environ: Mapping[str, str]
) -> tuple[ApiClient, int | None]:
    """
    Make a client of the daemon that the options name, or of the only one that runs here.

    :param args: the parsed command line, with the options that choose a daemon.
    :param environ: environment variables, which tell where daemons publish their locations.
    :returns: the client, and the id of the daemon's process if it is known.
    :raises NoDaemon: if there is none.
    :raises WrongUsage: if there are several, and nothing says which one is meant.
    :raises CommandFailed: if the token file cannot be used.
    """
    if args.url is not None:
        token = _token_for_url(args.url, args.token_file, environ)
        return ApiClient(args.url, token, args.ca_file), None
    daemon = _in_state_dir(args.state_dir) if args.state_dir else _the_one(args.jid, environ)
    token = daemon.token if args.token_file is None else _token_in(args.token_file)
    return ApiClient(daemon.url, token, args.ca_file), daemon.pid


def _in_state_dir(state_dir: str) -> ApiLocation:
    path = os.path.join(os.path.abspath(state_dir), api_location.FILE_NAME)
    try:
        return api_location.read(path)
    except FileNotFoundError:
        raise NoDaemon(
            f"no daemon runs with the state directory {quoted(state_dir)}",
            "start one with bitween daemon and the same --state-dir, or leave the option out",
        ) from None
    except ConfigurationError as error:
        raise NoDaemon(error.message, error.hint) from None


def _the_one(jid: str | None, environ: Mapping[str, str]) -> ApiLocation:
    daemons = _running(environ)
    if jid is not None:
        daemons = [daemon for daemon in daemons if daemon.jid == jid.partition("/")[0]]
    if not daemons:
        whose = f" of {jid}" if jid is not None else ""
        raise NoDaemon(
            f"no daemon{whose} runs here",
            f"{START_OR_NAME}; one on another computer needs --url and --token-file",
        )
    if len(daemons) > 1:
        known = ", ".join(f"{daemon.jid} ({daemon.url})" for daemon in daemons)
        raise WrongUsage(f"several daemons run here: {known}", "choose with --jid or --url")
    return daemons[0]


def _running(environ: Mapping[str, str]) -> list[ApiLocation]:
    try:
        return api_location.running(environ)
    except ConfigurationError as error:
        raise NoDaemon(error.message, error.hint) from None


def _token_for_url(url: str, token_file: str | None, environ: Mapping[str, str]) -> str:
    if token_file is not None:
        return _token_in(token_file)
    for daemon in _running(environ):
        if daemon.url.rstrip("/").startswith(url.rstrip("/")):
            return daemon.token
    raise WrongUsage(
        f"the token for {url} is not known here",
        "pass its file with --token-file, or use --state-dir instead of --url",
    )


def _token_in(path: str) -> str:
    try:
        return api_location.read_private(path).strip()
    except FileNotFoundError:
        raise WrongUsage(f"there is no token file {quoted(path)}") from None
    except ConfigurationError as error:
        raise CommandFailed(error.message, error.hint) from None
