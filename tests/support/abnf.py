"""ABNF (RFC 5234, RFC 7405) to regular expressions over bytes, as far as a grammar without recursion goes."""

from __future__ import annotations

import re

CORE = {
    "ALPHA": rb"[A-Za-z]",
    "DIGIT": rb"[0-9]",
    "SP": rb"\x20",
    "HTAB": rb"\t",
    "CR": rb"\r",
    "LF": rb"\n",
    "VCHAR": rb"[\x21-\x7e]",
    "OCTET": rb"(?s:.)",
}
TOKEN = re.compile(
    r"""\s*(?:;.*|
    (?P<times>\d*\*\d*|\d+) | (?P<name>[A-Za-z][A-Za-z0-9-]*) | (?P<exact>%s"[^"]*") | (?P<text>"[^"]*") |
    (?P<bytes>%x[0-9A-F]{2}(?:-[0-9A-F]{2}|(?:\.[0-9A-F]{2})*)) | (?P<sign>[()\[\]/]))""",
    re.VERBOSE,
)


class Grammar:
    """The rules of an ABNF text; `pattern(rule)` compiles one."""

    def __init__(self, text: str) -> None:
        rules = re.split(r"(?m)^(?=[A-Za-z][A-Za-z0-9-]*\s*=)", text)
        pairs = (rule.split("=", 1) for rule in rules if rule.strip())
        self.rules = {name.strip(): _tokens(body) for name, body in pairs}
        self._done: dict[str, bytes] = {}

    def pattern(self, rule: str) -> re.Pattern[bytes]:
        """Return a pattern that matches `rule` and nothing else."""
        return re.compile(self._rule(rule))

    def _rule(self, name: str) -> bytes:
        if name in CORE:
            return CORE[name]
        if name not in self._done:
            tokens = list(self.rules[name])
            self._done[name] = b"(?:" + self._alternation(tokens) + b")"
            assert not tokens, f"left of {name}: {tokens}"
        return self._done[name]

    def _alternation(self, tokens: list[tuple[str, str]]) -> bytes:
        found = b""
        while tokens and tokens[0][1] not in (")", "]"):
            if tokens[0][1] == "/":
                tokens.pop(0)
                found += b"|"
            else:
                found += self._repetition(tokens)
        return found

    def _repetition(self, tokens: list[tuple[str, str]]) -> bytes:
        if tokens[0][0] != "times":
            return self._element(tokens)
        low, star, high = tokens.pop(0)[1].partition("*")
        bounds = f"{{{low or 0},{high}}}" if star else f"{{{low}}}"
        return b"(?:" + self._element(tokens) + b")" + bounds.encode()

    def _element(self, tokens: list[tuple[str, str]]) -> bytes:
        kind, text = tokens.pop(0)
        if kind == "name":
            return self._rule(text)
        if kind == "exact":
            return re.escape(text[3:-1].encode())
        if kind == "text":
            return b"(?i:" + re.escape(text[1:-1].encode()) + b")"
        if kind == "bytes":
            codes = "-".join(rf"\x{code}" for code in text[2:].split("-"))
            return f"[{codes}]".encode() if "-" in codes else codes.replace(".", r"\x").encode()
        inside = self._alternation(tokens)
        assert (text, tokens.pop(0)[1]) in {("(", ")"), ("[", "]")}
        return b"(?:" + inside + b")" + (b"?" if text == "[" else b"")


def _tokens(text: str) -> list[tuple[str, str]]:
    found = []
    text = text.strip()
    while text:
        match = TOKEN.match(text)
        assert match, f"not ABNF: {text[:40]!r}"
        if match.lastgroup:
            found.append((match.lastgroup, match[match.lastgroup]))
        text = text[match.end() :].strip()
    return found
