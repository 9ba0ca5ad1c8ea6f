"""The protocol without I/O: messages, parse, encode, limits and errors. Imports no Twisted and knows no sockets."""
