"""Names that lead out of the shared folder, which must name nothing."""

from __future__ import annotations

from collections.abc import Sequence

from ..conversation import Lost, Silent
from ..model import Failed, check
from ..server import Server

GROUP = "names"
SECTION = "Names"
NEEDS = ("file",)
UP = "../" * 12
SECRET = "etc/passwd"
MEND = "serve only names that your index has; or resolve the path, links too, and see that it lies in the shared folder"


def _refuses(server: Server, names: Sequence[tuple[str, str]]) -> None:
    """Ask for each of `names`, a stem and a type; none may be granted.

    Empty data is no leak: the check 'file-unknown' is about a peer that grants everything.
    """
    for stem, kind in names:
        name = f"{stem}.{kind}" if kind else stem
        try:
            answer = server.ask("file", stem=stem, type=kind, name=name, number=stem)
        except (Silent, Lost):
            continue
        if answer.code == server.profile.codes["ok"] and answer.body:
            raise Failed(f"a request for '{name[-60:]}' was granted, with {len(answer.body)} bytes", MEND)


@check("names-parent", "A name with .. leads nowhere", group=GROUP, section=SECTION, needs=NEEDS)
def parent(server: Server) -> None:
    """Go up from the shared folder."""
    up = UP + SECRET
    _refuses(server, [(up, ""), (UP + "etc/host", "conf"), (f"x/{up}", ""), (f"./{up}", ""), ("..", ""), ("../", "")])


@check("names-absolute", "An absolute path leads nowhere", group=GROUP, section=SECTION, needs=NEEDS)
def absolute(server: Server) -> None:
    """Begin at the root."""
    paths = [(f"/{SECRET}", ""), (f"//{SECRET}", ""), ("/etc/host", "conf"), (f"file:///{SECRET}", ""), ("/", "")]
    _refuses(server, paths)


@check("names-escaped", "A name with escapes leads nowhere", group=GROUP, section=SECTION, needs=NEEDS)
def escaped(server: Server) -> None:
    """Spell dots and slashes in other ways."""
    dots = ("%2e%2e%2f", "..%2f", "%2e%2e/", "..\\", "....//", "..%5c", "%252e%252e%252f", "..%c0%af")
    _refuses(server, [(dot * 12 + SECRET, "") for dot in dots] + [(f"%2f{SECRET.replace('/', '%2f')}", "")])


@check("names-odd", "An empty name and a folder are not sent", group=GROUP, section=SECTION, needs=NEEDS)
def odd(server: Server) -> None:
    """Ask for what is no file."""
    _refuses(server, [("", ""), (".", ""), ("./", ""), (f"{UP}{SECRET}\0", "txt"), ("~", ""), ("~root/.profile", "")])
