"""The outcome of ``get``: the printed text and the exit code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import exits
from .follow import Download
from .output import count, on_terminal, print_json, print_path, size, warn

SHOWN = 20
"""Failed files that are named one by one."""
FEW = 3
"""Documents that this peer has already and that are still named one by one."""
NOTHING: Download = {
    **{"id": None, "state": "done", "directory": "", "files": [], "error": None},
    **{"files_passed_over": 0, "passed_over": []},
}
"""A download of nothing."""


@dataclass
class Outcome:
    """A download that has ended, as the API shows it; NOTHING if no document had to be requested."""

    download: Download
    here: dict[str, str] = field(default_factory=dict)
    """Documents that this peer shares and did not request: name -> path."""
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Name -> reason why no other peer has it, if more is known than in the download."""
    missing: Sequence[str] = ()
    """Patterns and folders that mean no document."""
    skipped: Mapping[str, str] = field(default_factory=dict)
    """Name -> reason why a pattern or folder did not include it."""

    @property
    def failed(self) -> list[Mapping[str, Any]]:
        """The files of the download that are neither in place nor shared by this peer."""
        return [file for file in self.download["files"] if not _is_there(file) and file["name"] not in self.here]

    def code(self) -> int:
        """Return the exit code: of the one reason if all failed for it, otherwise PART_FAILED."""
        codes = {exits.of_error(file["error"]) for file in self.failed}
        if self.missing:
            codes.add(exits.NO_HOLDER)
        if self.here or len(self.failed) < len(self.download["files"]):
            codes.add(exits.OK)
        return exits.together(codes, self.download["error"])

    def show(self, as_json: bool) -> None:
        """Print the paths on stdout, for programs, and failures and a summary on stderr, for people; or JSON."""
        if as_json:
            print_json(self._as_json())
            return
        if not on_terminal():
            for file in self.download["files"]:
                if _is_there(file):
                    print_path(f"{self.download['directory']}/{file['name']}")
            for path in self.here.values():
                print_path(path)
        complaints = [self._complaint(file) for file in self.failed]
        complaints += [f"no peer has a document for '{argument}'" for argument in self.missing]
        for complaint in complaints[:SHOWN]:
            warn(complaint)
        if len(complaints) > SHOWN:
            warn(f"and {len(complaints) - SHOWN} more; --json lists them all")
        self._show_skipped()
        if self.download["error"] is not None and not self.download["files"]:
            warn(self.download["error"]["text"])
        if len(self.here) > FEW:
            warn(f"{len(self.here)} documents: this peer has them already")
        else:
            for name, path in self.here.items():
                warn(f"{name}: this peer has it already: {path}")
        if summary := self._summary():
            warn(summary)

    def _as_json(self) -> dict[str, Any]:
        """Return the download as the API shows it, with the documents that were not requested."""
        skipped, number = self._all_skipped()
        more = {"here": self.here, "missing": list(self.missing)}
        return {**self.download, "passed_over": skipped, "files_passed_over": number, **more}

    def _all_skipped(self) -> tuple[list[Mapping[str, str]], int]:
        """Return the first documents that were skipped because of their names, and the number of all."""
        own = [{"name": name, "why": why} for name, why in self.skipped.items()]
        return [*self.download["passed_over"], *own], self.download["files_passed_over"] + len(own)

    def _show_skipped(self) -> None:
        skipped, number = self._all_skipped()
        for file in skipped[:SHOWN]:
            warn(f"{file['name']}: skipped: {file['why']}")
        if number:
            more = f"and {number - SHOWN} more; " if number > SHOWN else ""
            warn(f"{more}a skipped document is fetched if it is named")

    def _complaint(self, file: Mapping[str, Any]) -> str:
        """Return the reason why `file` is not in place, which begins with or contains its name."""
        name, error = file["name"], file["error"] or self.download["error"]
        if name in self.reasons:
            return self.reasons[name]
        text = str(error["text"] if error else file["state"])
        is_named = text == f"no peer has {name}" or f"{self.download['directory']}/{name}" in text
        return text if is_named else f"{name}: {text}"

    def _summary(self) -> str:
        files = self.download["files"]
        if not files:
            if self.here or self.missing or self.skipped:
                return ""
            others = "else " if self.download["files_passed_over"] else ""
            return f"nothing {others}to fetch: this peer has all known documents"
        states = Counter(file["state"] for file in files if _is_there(file) or file["name"] not in self.here)
        parts = []
        if done := states.pop("done", 0):
            parts.append(f"{count(done, 'file')} fetched to {self.download['directory']}, {how(self.download)}")
        if there := states.pop("there", 0):
            parts.append(f"{count(there, 'file')} already in {self.download['directory']}")
        parts += [f"{count(number, 'file')} {state}" for state, number in states.items()]
        return "; ".join(parts)


def _is_there(file: Mapping[str, Any]) -> bool:
    return file["state"] in ("done", "there")


def how(download: Download) -> str:
    """Return the bytes, time, rate and number of peers of `download`, for people."""
    done = [file for file in download["files"] if file["state"] == "done"]
    parts = [(address, part["bytes"]) for file in done for address, part in file["sources"].items()]
    whole, came = sum(file["got"] for file in done), sum(bytes_ for _, bytes_ in parts)
    earlier = f" ({size(whole - came)} of it was here)" if came < whole else ""
    took = download["ended"] - download["started"]
    peers = count(len({address for address, bytes_ in parts if bytes_}), "peer")
    return f"{size(whole)}{earlier} in {took:.1f} s, {size(round(download['rate']))}/s, from {peers}"
