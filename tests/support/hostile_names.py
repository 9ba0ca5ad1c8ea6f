"""Names that a stranger may ask for, or announce, to reach files outside the folders or to fool a reader.

A table of kinds, each with its variations. OUTSIDE stands for the path of a folder outside, without its first slash.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

OUTSIDE = "OUTSIDE"
_PLACES = ("secret.txt", f"{OUTSIDE}/secret.txt", "etc/passwd", "x")
_UPS = ("..", ".. ", "...", ".", "%2e%2e", "%252e%252e", "\uff0e\uff0e", "\u2025", "\u2024\u2024", "..;", "~")
_SLASHES = ("/", "//", "/./", "\\", "\\/", "%2f", "%5c", "\u2215", "\u2044", "\uff0f", "\u29f8", "\xa5")
_DEVICES = (
    *("CON", "con", "PRN", "AUX", "NUL", "nul", "CONIN$", "CONOUT$", "COM1", "com9", "LPT1", "COM\xb9", "LPT\xb3"),
    *("COM0", "CLOCK$x/CON"),
)
_DIRECTIONS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_INVISIBLE = "\xad\u034f\u115f\u1160\u17b4\u180e\u200b\u200c\u200d\u2060\u2061\u2064\u2800\u3164\ufeff\uffa0\ufff9"
_CONTROLS = (*map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0)), "\u2028", "\u2029")
_COMMANDS = ("-rf", "--help", "-", "~", "~root", "$HOME", "$(id)", "`id`", ";id", "|id", "&id", "!", "*", "?", "%s%n")
_FORMATS = ("{name}", "{0.__class__}", "{", "%(name)s", "\\u202e", "&lt;", "<script>alert(1)</script>", "'--", '"')
_DRIVES = ("C:", "C:\\", "c:x", "\\\\server\\share", "\\\\?\\C:", "file:///etc/passwd", "http://127.0.0.1/", "\\x")
_TWINS = (
    "Twin",
    "TWIN",
    "twin",
    "tw\u0131n",
    "tw\xefn",
    "twi\u0308n",
    "stra\xdfe",
    "STRASSE",
    "strasse",
    "\u212a",
    "K",
    "k",
)


def _ups() -> Iterator[str]:
    for up in _UPS:
        for slash in _SLASHES[:7]:
            yield f"{up}{slash}{_PLACES[0]}"
    for slash in _SLASHES:
        yield f"..{slash}..{slash}secret.txt"
        yield f"sub{slash}..{slash}..{slash}secret.txt"
    for depth in range(1, 13):
        yield "../" * depth + f"{OUTSIDE}/secret.txt"
        yield "sub/" * depth + "../" * (depth + 1) + "secret.txt"


def _absolute() -> Iterator[str]:
    for slash in ("/", "//", "///", "/./", "/../", "\\"):
        for place in _PLACES:
            yield f"{slash}{place}"


def _long() -> Iterator[str]:
    for length in (255, 256, 1023, 1024, 1025, 4096, 8000):
        yield "l" * length
        yield "\xfc" * (length // 2)
        yield "/".join(["d" * 200] * (length // 200))
    yield "/".join("d" * 500)
    yield "../" * 340 + "x"
    yield "n" * 255 + "/" + "n" * 250


def _around(characters: Sequence[str], words: Sequence[str] = ("a{}b.txt",)) -> Iterator[str]:
    for character in characters:
        for word in words:
            yield word.format(character) if "{}" in word else word + character


KINDS: Mapping[str, Sequence[str]] = {
    "out of the folder": [*_ups()],
    "absolute": [*_absolute()],
    "no name": ["", ".", "..", "/", "//", "./", "../", "a//b", "a/", "a/.", "a/..", "./a", "a/./b", " ", "...", ". ."],
    "through what is planted": [
        *("link.txt", "links/secret.txt", "links", "fifo", "socket", "device", "sub/link.txt", "sub/links/secret.txt"),
        *("swap/inner.txt", "swapped.txt", "link.txt/x", "fifo/x", "links/../secret.txt", "broken", "loop/loop/a.txt"),
    ],
    "hidden or unfinished": [
        *(".hidden", ".ssh/authorized_keys", "sub/.hidden", ".p2p-state", ".git/config", "a.part", "a.part.state"),
        *("sub/a.part", "a.part/x", ".", "sub/...", ".part", "state/api.key", "state/lock", "state/hashes.sqlite"),
    ],
    "controls": [*_around(_CONTROLS)],
    "turned around": [*_around(_DIRECTIONS, ("photo{}gpj.exe", "{}a", "d{}r/a"))],
    "invisible": [*_around(_INVISIBLE, ("pay{}pal.txt", "{}", "a{}/b"))],
    "devices": [f"{word}{end}" for word in _DEVICES for end in ("", ".txt", " ", "/x")],
    "no name elsewhere": [*_around('<>:"|?*', ("a{}b", "{}", "d{}/x")), *_DRIVES],
    "dots and spaces at the end": [*_around((" ", ".", "\xa0", "\u3000", ". ", " ."), ("a.txt{}", "{}a", "d{}/a"))],
    "options and commands": [*_COMMANDS, *(f"sub/{word}" for word in _COMMANDS), *(f"{word}/x" for word in _COMMANDS)],
    "formats": list(_FORMATS),
    "twins": list(_TWINS),
    "long": [*_long()],
    "folder and file": ["clash", "clash/x", "clash/x/y", "mine.txt/x", "sub", "sub/deeper/x"],
}
"""Names by what is hostile about them."""

RAW: Sequence[bytes] = (
    *(b"\xc0\xae\xc0\xae/secret.txt", b"..\xc0\xafsecret.txt", b"\xe0\x80\xae./secret.txt", b"\xf0\x80\x80\xaf"),
    *(b"\xff\xfe", b"a\xed\xa0\x80b", b"\xed\xb3\xbf", b"\xf4\x90\x80\x80", b"\x80", b"caf\xe9", b"\xef\xbb\xbf../x"),
)
"""Names that are no text: overlong forms, halves of pairs, and other bytes that are not UTF-8."""


def hostile_names(outside: str) -> list[str]:
    """Return all names of the table, each once, for the folder `outside` (an absolute path)."""
    names = (name.replace(OUTSIDE, outside.lstrip("/")) for kind in KINDS.values() for name in kind)
    return list(dict.fromkeys(names))


def splits(name: bytes) -> list[tuple[bytes, bytes]]:
    """Return all pairs of stem and type that are joined to `name`: a type may have slashes and dots, too."""
    dots = [at for at, byte in enumerate(name) if byte == ord(".")][:4]
    return [(name, b""), *((name[:at], name[at + 1 :]) for at in dots if at + 1 < len(name))]
