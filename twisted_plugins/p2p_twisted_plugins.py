"""The two twistd verbs, ``p2p-rs`` and ``p2p-peer``; nothing of the package is imported until one is chosen."""

from twisted.application.service import ServiceMaker

p2pRS = ServiceMaker("P2P registration server", "p2p_twisted.rs.tap", "Run the registration server (RS).", "p2p-rs")
p2pPeer = ServiceMaker("P2P peer", "p2p_twisted.peer.tap", "Run a peer: share folders and fetch files.", "p2p-peer")
