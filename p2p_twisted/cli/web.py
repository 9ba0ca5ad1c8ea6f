"""``p2p web``: open the pages of the running peer in a browser."""

from __future__ import annotations

import webbrowser

import click

from .options import Where, for_running
from .output import print_json, say
from .session import running


@click.command()
@click.option("--print", "only_print", is_flag=True, help="Print the link, and open nothing.")
@for_running
def web(where: Where, only_print: bool) -> None:
    """Open the pages of the running peer in a browser.

    The link can be used once, within five minutes. A peer that was started without --web opens a free port on loopback.
    """
    with running(where) as client:
        link = client.post("web")
    if where.as_json:
        print_json(link)
    elif only_print:
        click.echo(link["url"])
    else:
        say(f"the page is at {link['url']}")
        webbrowser.open(link["url"])
