"""The commonest request, recognised in one step: a KeepAlive that has come whole and is spelled as clients spell it.

An RS answers little else, and line by line each costs it four times as much. Whatever `KEEP_ALIVE` matches, the parser
in ``wire`` takes for the same message; whatever it does not match goes there.
"""

from __future__ import annotations

import re

KEEP_ALIVE = re.compile(
    rb"KeepAlive NULL P2P(?:_DI_|-DI_|-DI/)1\.([01])\r?\n"
    rb"Host:? [\x21-\x7e]{1,255}\r?\n"
    rb"OS:? [\x21-\x7e](?:[\x20-\x7e]{0,254})\r?\n"
    rb"\r?\n"
    rb"cookie:(0|[1-9][0-9]{0,18})\r?\n"
    rb"port:([1-9][0-9]{0,4})\r?\n"
)
"""Groups: the minor version, the cookie, the port."""
