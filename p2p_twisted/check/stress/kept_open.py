"""What RS and peers of 1.1 alike must do on a connection that stays open: to go on, and how it ends."""

from __future__ import annotations

from ..answers import Answer, read_answer
from ..conversation import Conversation, Lost
from ..model import Failed
from ..profile import Profile
from ..server import Server, quoted


def next_answer(server: Server, conversation: Conversation, what: str, outcome: str = "ok") -> Answer:
    """Read the next answer on a connection that stays open. Raises Failed, which names `what` was asked."""
    try:
        answer = server.answer(conversation)
    except Failed as error:
        raise Failed(f"{what}: {error.seen}", "go on with the connection after each answer but 300") from None
    return server.hold(answer, outcome, what)


def expect_last_in(conversation: Conversation, old: Profile) -> None:
    """Read the answer to a request of the `old` version, which must be in it, and the last. Raises Failed."""
    answer = read_answer(conversation, old)
    if not answer.status.endswith(old.version):
        raise Failed(f"a request in 1.0 was answered {quoted(answer)}", "answer each request in its own version")
    if not answer.closed:
        raise Failed("the connection stays open after a request in 1.0", "close it: 1.0 has no length, the end tells")


def expect_closed_after_300(conversation: Conversation) -> None:
    """Wait for the end of the connection, after a refusal with 300 was read. Raises Failed."""
    try:
        conversation.fill(lambda data: False)
    except Lost:
        return
    if not conversation.closed or conversation.buffer:
        raise Failed("the server goes on after 300", "close: nobody knows where the next request begins")
