"""What was sent and got, and how people read it."""

from __future__ import annotations

from p2p_twisted.check.transcript import GOT, MAX_ENTRIES, MAX_KEPT, SENT, Entry, Transcript, lines, shown


def test_every_byte_is_shown_and_can_be_read_back() -> None:
    data = bytes(range(256))
    text = shown(data)
    assert text.isascii() and text.isprintable()
    assert text.encode().decode("unicode_escape").encode("latin-1") == data
    assert shown(b"a\\b\t\r\n\0\xff") == "a\\\\b\\t\\r\\n\\x00\\xff"


def test_lines_have_the_time_the_connection_and_a_line_each() -> None:
    entries = [Entry(0.0, 1, "opened"), Entry(0.25, 1, SENT, b"A\r\nB"), Entry(12.5, 2, GOT, b"C\n\n", left_out=7)]
    assert list(lines(entries)) == [
        "  0.000 1 - opened",
        "  0.250 1 > A\\r\\n",
        "  0.250 1 > B",
        " 12.500 2 < C\\n",
        " 12.500 2 < \\n",
        " 12.500 2 < ... 7 more bytes",
    ]


def test_a_transcript_is_bounded() -> None:
    transcript = Transcript()
    transcript.note(1, SENT, b"a" * (MAX_KEPT - 1))
    transcript.note(1, GOT, b"bc")
    for _ in range(MAX_ENTRIES):
        transcript.note(1, GOT, b"d")
    assert (transcript.entries[1].data, transcript.entries[1].left_out) == (b"b", 1)
    assert len(transcript.entries) == MAX_ENTRIES
    assert sum(len(entry.data) for entry in transcript.entries) == MAX_KEPT
