"""One large file over loopback by ``p2p get``, plain and under mutual TLS, in turns.

    python -m benchmarks.tls [--size 1024] [--repeat 3] [--dir DIR]

Everything is as in benchmarks.loopback: each ``p2p get`` is a command of its own that registers, fetches the file from
a serving peer and verifies it. One RS and one peer speak plain TCP, another two TLS. The bar is half the plain rate.
"""

import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.loopback import NAME, BenchError, make, p2p, parse, peer
from p2p_twisted.experiment.run.interrupts import Interrupts
from p2p_twisted.experiment.run.processes import ClusterError
from p2p_twisted.net.pki import create_authority, open_authority


def main() -> None:
    options = parse(__doc__)
    try:
        with Interrupts(), tempfile.TemporaryDirectory(prefix="tls-", dir=options.dir.resolve()) as folder:
            _compare(Path(folder), options.size, options.repeat)
    except (BenchError, ClusterError) as error:
        sys.exit(f"tls: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


def _compare(folder: Path, size: int, repeat: int) -> None:
    share, target = folder / "share", folder / "target"
    share.mkdir()
    target.mkdir()
    sha256, tls = make(share / NAME, size), ("--tls", str(_member(folder)))
    times: dict[str, list[float]] = {"plain": [], "TLS": []}
    with peer(share) as plain, peer(share, tls) as secure:
        for _ in range(repeat):
            times["plain"].append(p2p(plain.rs, target, sha256))
            times["TLS"].append(p2p(secure.rs, target, sha256, tls))
    medians = {name: statistics.median(seconds) for name, seconds in times.items()}
    for name, seconds in times.items():
        rate = size / 1024 / medians[name]
        print(f"{name:6} {medians[name]:6.2f} s  {rate:5.2f} GiB/s   runs {' '.join(f'{s:.2f}' for s in seconds)}")
    print(f"rate under TLS / plain rate: {medians['plain'] / medians['TLS']:.2f}")


def _member(folder: Path) -> Path:
    """Make a CA, and return the folder of a member on loopback, which RS and peers share here."""
    create_authority(folder / "ca", 1)
    with open_authority(folder / "ca") as authority:
        authority.issue("member", ["127.0.0.1"], folder / "member", 1, renew=False)
    return folder / "member"


if __name__ == "__main__":
    main()
