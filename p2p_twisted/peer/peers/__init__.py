"""The other peers: registration at the RS, discovery, and the indexes learnt from them."""
