"""The limits of the protocol. Sizes are in bytes, times in seconds."""

RS_PORT = 65423
"""Port of a registration server, unless it is configured otherwise."""

TTL = 7200
"""Seconds for which a registration, or an index record, is valid unless it is renewed."""

MAX_LINE = 8192
"""Longest line, without its line end."""

MAX_HEAD_LINES = 32
"""Most lines of one head: the first line and the headers, without the empty line."""

MAX_HEAD = 16384
"""Longest head, line ends included."""

MAX_DATA = 16384
"""Longest data part of a request."""

MAX_BODY_LINE = 65536
"""Longest line of an index or a list of changes, without its line end; a longer one is passed over."""

MAX_NAME = 1024
"""Longest document name, in bytes of UTF-8."""

MAX_TITLE = 200
"""Longest title, in characters."""

MAX_COOKIE = 2**63 - 1
"""Largest cookie; a 1.0 client is given one below 2**31 (it parses a signed 32-bit number)."""

MAX_COOKIE_1_0 = 2**31 - 1
"""Largest cookie that a 1.0 client can parse."""

MAX_SIZE = 2**63 - 1
"""Largest file."""

MAX_PIECES = 2**32
"""Largest number of a piece."""

MAX_WANTS = 32
"""Most files named in one GET NEXT."""

MAX_PIECE_LIST = 64 * 2**20
"""Longest answer to GET PIECES that a client reads."""

MAX_INDEX = 256 * 2**20
"""Longest answer to GET INDEX that a client reads."""

MAX_PEER_LIST = 64 * 2**20
"""Longest answer to PQuery that a client reads."""

MAX_SEARCH = 512
"""Longest search, in bytes of UTF-8."""

MAX_TERMS = 16
"""Most terms of a search."""

MAX_HITS = 50
"""Most documents in an answer to a search."""

MAX_PASSAGE = 400
"""Longest passage of a document that was found, in characters."""

MAX_FACT = 200
"""Longest category, or list of authors, of an RFC that was found, in characters."""

MAX_RFC = 99_999
"""Largest number of an RFC."""

MAX_RFCS = 32
"""Most RFCs that are named as obsoleted, or as updated, by one that was found."""

MAX_SEARCH_ANSWER = 256 * 2**10
"""Longest answer to SEARCH INDEX that a client reads."""
