"""One libtorrent session in a host: ``libtorrent_host.py TORRENT FOLDER ADDRESS PORT``.

Says ``{"ready": pieces}`` when the torrent is started and what FOLDER holds is checked; connects to the peers whose
addresses come as a JSON list in a line; says ``{"piece": index, "at": seconds}`` and, when it has all,
``{"done": seconds}``, by time.monotonic(), with the bytes of documents ``received``, and those of them that were
``duplicate`` or ``wrong``. Ends when its standard input does.
"""

from __future__ import annotations

import json
import sys
import threading
import time

import libtorrent

CATEGORIES = libtorrent.alert.category_t
SETTINGS: libtorrent.settings_pack = {
    "enable_incoming_utp": False,
    "enable_outgoing_utp": False,
    "enable_dht": False,
    "enable_lsd": False,
    "enable_upnp": False,
    "enable_natpmp": False,
    "out_enc_policy": int(libtorrent.enc_policy.pe_disabled),
    "in_enc_policy": int(libtorrent.enc_policy.pe_disabled),
    "alert_mask": CATEGORIES.status_notification | CATEGORIES.piece_progress_notification,
}


def main() -> None:
    torrent, folder, address, port = sys.argv[1:]
    session = libtorrent.session({**SETTINGS, "listen_interfaces": f"{address}:{port}"})
    parameters = libtorrent.add_torrent_params()
    parameters.ti = libtorrent.torrent_info(torrent)
    parameters.save_path = folder
    parameters.flags = libtorrent.torrent_flags.duplicate_is_error  # neither paused nor managed
    handle = session.add_torrent(parameters)
    ended = threading.Event()
    threading.Thread(target=_listen, args=(handle, int(port), ended), daemon=True).start()
    while not ended.is_set():
        session.wait_for_alert(100)
        for alert in session.pop_alerts():
            _report(alert, handle)


def _listen(handle: libtorrent.torrent_handle, port: int, ended: threading.Event) -> None:
    for line in sys.stdin:
        for address in json.loads(line):
            handle.connect_peer((address, port))
    ended.set()


def _report(alert: libtorrent.alert, handle: libtorrent.torrent_handle) -> None:
    if isinstance(alert, libtorrent.torrent_checked_alert):
        _say(ready=handle.torrent_file().num_pieces())
    elif isinstance(alert, libtorrent.piece_finished_alert):
        _say(piece=alert.piece_index, at=time.monotonic())
    elif isinstance(alert, libtorrent.torrent_finished_alert):
        now, status = time.monotonic(), handle.status()
        redundant, wrong = status.total_redundant_bytes, status.total_failed_bytes
        _say(done=now, received=status.total_payload_download, duplicate=redundant, wrong=wrong)


def _say(**news: float) -> None:
    print(json.dumps(news), flush=True)


if __name__ == "__main__":
    main()
