"""A sentence for each message of a trace, for somebody who sees the protocol for the first time."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Sequence

from .anatomy import method_of
from .messages import Traced

Tell = Callable[[Traced, list[str]], str]
"""The message and the data lines of the request -> what the sender does, after its name."""

REQUESTS: dict[str, Tell] = {
    "Register": lambda m, data: (
        f"registers at {_name(m.receiver)}"
        if data[:1] in ([], ["cookie:"])
        else f"registers at {_name(m.receiver)} again, with its cookie"
    ),
    "Leave": lambda m, data: f"tells {_name(m.receiver)} that it leaves",
    "KeepAlive": lambda m, data: f"tells {_name(m.receiver)} that it is still there",
    "PQuery": lambda m, data: f"asks {_name(m.receiver)} who is there",
    "GET INDEX": lambda m, data: f"asks {_name(m.receiver)} which documents it has",
    "GET FILE": lambda m, data: f"asks {_name(m.receiver)} for {_document(data)}{_range(m)}",
    "GET PIECES": lambda m, data: f"asks {_name(m.receiver)} for the hashes of the pieces of a document",
    "GET NEXT": lambda m, data: f"asks {_name(m.receiver)} for a piece that nobody else has yet",
    "GET TURN": lambda m, data: f"asks {_name(m.receiver)} to say when it may ask for pieces",
    "GET SOURCES": lambda m, data: f"asks {_name(m.receiver)} who else downloads a document",
    "SEARCH INDEX": lambda m, data: f"asks {_name(m.receiver)} which documents have the words {' '.join(data)}",
    "CANCEL FILE": lambda m, data: f"tells {_name(m.receiver)} that it no longer needs a range of bytes",
    "Hello": lambda m, data: f"tells {_name(m.receiver)} that it has joined",
    "Probe": lambda m, data: f"asks {_name(m.receiver)} to try whether it can be reached",
    "GET RFC-Index": lambda m, data: f"asks {_name(m.receiver)} for its list of RFCs",
    "GET RFC": lambda m, data: f"asks {_name(m.receiver)} for RFC {m.head.split()[2]}",
}
ANSWERS: dict[str, Tell] = {
    "Register": lambda m, data: f"has registered {_name(m.receiver)} and gives it a cookie",
    "Leave": lambda m, data: f"confirms that {_name(m.receiver)} has left",
    "KeepAlive": lambda m, data: f"has renewed the registration of {_name(m.receiver)}",
    "PQuery": lambda m, data: f"sends {_name(m.receiver)} the list of active peers",
    "GET INDEX": lambda m, data: f"sends {_name(m.receiver)} its index, or what has changed in it",
    "GET FILE": lambda m, data: f"sends {_name(m.receiver)} {_bytes(m)} of {_document(data)}",
    "GET PIECES": lambda m, data: f"sends {_name(m.receiver)} the hashes of the pieces",
    "GET NEXT": lambda m, data: f"sends {_name(m.receiver)} {_bytes(m)} of a document",
    "GET TURN": lambda m, data: f"tells {_name(m.receiver)} that it may ask, and which pieces there are",
    "GET SOURCES": lambda m, data: f"tells {_name(m.receiver)} who else downloads it",
    "SEARCH INDEX": lambda m, data: f"sends {_name(m.receiver)} the documents that it found",
    "Probe": lambda m, data: f"tells {_name(m.receiver)} whether it can be reached",
}
"""Of requests that are granted; all others are only confirmed."""
REFUSALS = {
    "100": "has not got what {receiver} asked for",
    "300": "did not understand {receiver}",
    "403": "refuses the request of {receiver}",
}
"""Status code of a request that is not granted -> what its sender is told."""


def tell(messages: Sequence[Traced]) -> list[str]:
    """Return a sentence for each of `messages`, which are in the order of time.

    A response answers the oldest request of its connection that has none yet; one that is followed is never done.
    """
    waiting: dict[tuple[str, str], deque[Traced]] = defaultdict(deque)
    story = []
    for message in messages:
        if message.kind == "request":
            waiting[message.source, message.target].append(message)
            what = REQUESTS.get(method_of(message.head), _unknown)(message, _data(message.head))
        elif message.kind == "response":
            what = _answer(message, waiting[message.target, message.source])
        else:
            what = f"sends {_name(message.receiver)} something that is not of this protocol"
        story.append(f"{_name(message.sender, begins=True)} {what}.")
    return story


def _answer(message: Traced, waiting: deque[Traced]) -> str:
    asked = waiting[0].head if waiting else ""
    if waiting and "\nFollow:" not in asked:
        waiting.popleft()
    status = next((word for word in message.head.split()[:2] if word.isdigit()), "")
    if status in REFUSALS:
        return REFUSALS[status].format(receiver=_name(message.receiver))
    return ANSWERS.get(method_of(asked), _confirmed)(message, _data(asked))


def _unknown(message: Traced, data: list[str]) -> str:
    return f"sends {_name(message.receiver)} {message.summary}"


def _confirmed(message: Traced, data: list[str]) -> str:
    return f"confirms the request of {_name(message.receiver)}"


def _name(host: str, begins: bool = False) -> str:
    if host == "rs":
        return "The RS" if begins else "the RS"
    return host


def _document(data: list[str]) -> str:
    return ".".join(filter(None, data[:2])) or "a document"


def _bytes(message: Traced) -> str:
    return f"{message.length:,} bytes".replace(",", " ")


def _range(message: Traced) -> str:
    line = next((line for line in message.head.split("\n") if line.startswith("Range: ")), "")
    return f", bytes {line.removeprefix('Range: ').strip()}" if line else ""


def _data(head: str) -> list[str]:
    lines = [line.rstrip("\r") for line in head.split("\n")]
    return lines[lines.index("") + 1 : -1] if "" in lines[:-1] else []
