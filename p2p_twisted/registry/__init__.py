"""Who is here: the PeerRecord and its rules, with time as an argument, and the stores behind one interface.

Knows nothing of files, of connections, or of how a request looked on the wire.
"""
