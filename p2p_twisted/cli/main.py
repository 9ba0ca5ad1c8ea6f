"""The ``p2p`` command: its verbs, each imported when it is used, and the errors that end it."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any

import click

from .. import __version__
from ..config.loading import without_collector
from . import exits
from .options import for_all
from .output import hush, warn, warn_interrupted
from .variables import name_variables

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_VERBS = {
    "cancel": (".downloads:cancel", "Stop downloads for good."),
    "check": (".check:check", "Check somebody's server against the specification."),
    "completion": (".completion:completion", "Print the script that makes a shell complete verbs and options."),
    "config": (".config:config", "Show settings and where each came from."),
    "corpus": ("..experiment.verbs.corpus_command:corpus", "Get documents to share: generate some, or fetch RFCs."),
    "demo": ("..experiment.verbs.demo_command:demo", "Run an RS and six peers on this machine, and verify every copy."),
    "dissector": (".dissector:dissector", "Print where the Wireshark dissector is."),
    "doctor": (".doctor:doctor", "Look for what keeps the peer from working well."),
    "downloads": (".downloads:downloads", "List the downloads."),
    "experiment": (
        "..experiment.verbs.experiment_command:experiment",
        "Compare centralised, peer-to-peer and swarm, and write a report.",
    ),
    "get": (".get:get", "Fetch documents."),
    "limits": (".limits:limits", "Show or change the rate limits."),
    "ls": (".show:ls", "List the documents that peers have."),
    "mirror": (".want:mirror", "Keep a folder the same as what a peer or the swarm has."),
    "pause": (".downloads:pause", "Stop downloads for now."),
    "peers": (".show:peers", "List the other peers."),
    "pki": (".pki:pki", "Make the certificates of a closed swarm."),
    "refresh": (".refresh:refresh", "Query the RS and the other peers now."),
    "resume": (".downloads:resume", "Go on with downloads that are paused."),
    "retry": (".downloads:retry", "Try again what downloads have not got."),
    "rs": (".rs:rs", "Show the state of the RS on this machine."),
    "search": (".search:search", "Find documents by words in their texts."),
    "share": (".share:share", "Share a folder."),
    "status": (".show:status", "Show the state of the peer."),
    "top": (".top:top", "Watch what the peer downloads and sends."),
    "trace": ("..experiment.verbs.trace_command:trace", "Look at the messages of a run, one by one."),
    "unshare": (".share:unshare", "Stop sharing a folder."),
    "want": (".want:want", "Keep fetching documents as they appear and change."),
    "web": (".web:web", "Open the pages of the running peer in a browser."),
}
"""Verb -> its module and function, below this package, and its line in ``p2p --help``."""

_CODES = "\b\nExit codes:\n" + "\n".join(f"  {code:>2}  {meaning}" for code, meaning in exits.MEANINGS.items())


class Verbs(click.Group):
    """A group whose commands are imported one by one, and whose failures are one line and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs, for the help."""
        return list(_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the verb `cmd_name` and return it."""
        if cmd_name not in _VERBS:
            return None
        module, _, name = _VERBS[cmd_name][0].partition(":")
        with without_collector():
            command: click.Command = getattr(import_module(module, __package__), name)
        name_variables(command, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of verbs, for the help, without importing any."""
        with formatter.section("Verbs"):
            formatter.write_dl([(name, text) for name, (_, text) in _VERBS.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[Any]]:
        """Return the verbs and options that begin with `incomplete`, without importing any."""
        from click.shell_completion import CompletionItem

        verbs = [CompletionItem(name, help=text) for name, (_, text) in _VERBS.items() if name.startswith(incomplete)]
        return [*verbs, *super(click.Group, self).shell_complete(ctx, incomplete)]

    def main(self, args: Sequence[str] | None = None, *more: Any, standalone_mode: bool = True, **extra: Any) -> Any:
        """Run the command line and exit with its code; without `standalone_mode`, return or raise instead."""
        run = partial(super().main, args, *more, standalone_mode=False, **extra)
        if not standalone_mode:
            return run()
        _mend_streams()
        raise SystemExit(_code_of(run))


def _mend_streams() -> None:
    """Open closed standard streams on the null device; escape the characters that an encoding lacks, in all of them.

    A closed one would be None in Python; its number would go to the next file or connection, and output into that.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _code_of(run: Callable[[], int | None]) -> int | None:
    """Run the command line; return the exit code, after a line on stderr if it failed."""
    try:
        return run()
    except click.ClickException as error:
        try:
            error.show(sys.stderr)
        except OSError:
            hush(sys.stderr)
        return error.exit_code
    except exits.Failure as failure:
        (warn_interrupted if failure.code == exits.INTERRUPTED else warn)(failure.text)
        return failure.code
    except (KeyboardInterrupt, click.Abort):
        warn_interrupted("interrupted")
        return exits.INTERRUPTED
    except ModuleNotFoundError as error:
        from ..config.extras import DISTRIBUTIONS
        from .extras import missing_extra

        if error.name not in DISTRIBUTIONS:
            raise
        warn(missing_extra(error.name).text)
        return exits.FAILED
    except OSError as error:
        return _of_system(error)


def _of_system(error: OSError) -> int:
    """Print the error of the system, which may be one of writing the output; return the exit code."""
    hush(sys.stdout)
    if error.errno != errno.EPIPE:  # else whoever read the output has seen enough
        warn(f"{error.filename or 'output'}: {error.strerror or error}")
    return exits.DISK_FULL if error.errno in (errno.ENOSPC, errno.EDQUOT) else exits.FAILED


@click.group(cls=Verbs, epilog=_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="p2p")
@for_all
def main(**_: object) -> None:
    """Share documents with other peers, and fetch theirs.

    Talks to the peer that runs on this machine. If none is running, --rs-host HOST makes this command a peer until it
    ends.
    """


if __name__ == "__main__":
    main()
