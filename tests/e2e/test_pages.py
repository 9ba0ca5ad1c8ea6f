"""The pages of real peers and a real RS in a real browser: what people do on them, from the link to the end."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from p2p_twisted.experiment.run.cluster import Cluster
from tests.support.browser import TIMEOUT, Watched, browsing, violations
from tests.support.rs_process import free_port

SLOW = 400_000
"""Bytes/s at which a download is seen to move."""
BIG = 3_000_000
EVIL = "<img src=x onerror=alert(1)>.txt"


def link(state_dir: Path) -> str:
    """The link that ``p2p web --print`` prints, and nothing else."""
    command = [sys.executable, "-m", "p2p_twisted.cli.main", "--state-dir", str(state_dir), "web", "--print"]
    command[1:3] = ["-c", "from p2p_twisted.cli.main import main; main()"]
    printed = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=True).stdout
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/login\?once=[\w-]+\n", printed)
    return printed.strip()


@pytest.fixture(scope="module")
def ports() -> dict[str, int]:
    """The ports of the pages of those that have --web."""
    return {"rs": free_port(), "peer2": free_port()}


@pytest.fixture(scope="module")
def rs_page(ports: dict[str, int]) -> str:
    return f"http://127.0.0.1:{ports['rs']}"


@pytest.fixture(scope="module")
def cluster(ports: dict[str, int]) -> Iterator[Cluster]:
    def options(role: str) -> list[str]:
        web = ["--web", f"tcp:{ports[role]}:interface=127.0.0.1"] if role in ports else []
        more = {"rs": ["--ttl", "6"], "peer2": ["--want", "nothing-like-it*"]}
        return [*web, *more.get(role, [])]

    with Cluster(3, options=options) as cluster:
        share = cluster.peers[0].share_dir
        (share / "big.bin").write_bytes(bytes(range(256)) * (BIG // 256))
        (share / "big2.bin").write_bytes(bytes(range(255, -1, -1)) * (BIG // 256))
        (share / "rfc9999.txt").write_text("Network Working Group\n\n   How to read\n\nA document to read.\n")
        (share / EVIL).write_text("evil")
        for number in range(120):
            (share / f"many-{number:03}.txt").write_text(f"document {number}\n")
        cluster.start()
        cluster.wait_for_documents(124)
        yield cluster


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with browsing() as started:
        yield started


@pytest.fixture
def expect() -> Any:
    return pytest.importorskip("playwright.sync_api").expect


@pytest.fixture
def peer2(cluster: Cluster, browser: Any) -> Iterator[Watched]:
    """The page of the second peer, in a session of its own."""
    watched = Watched(browser, viewport={"width": 1280, "height": 900})
    watched.page.goto(link(cluster.peers[1].state_dir))
    yield watched
    watched.context.close()
    assert watched.faults == []


def row(page: Any, name: str) -> Any:
    return page.get_by_role("row").filter(has=page.get_by_text(name, exact=True))


def test_search_and_download_to_the_end(cluster: Cluster, peer2: Watched, expect: Any) -> None:
    page = peer2.page
    expect(page.get_by_role("status").first).to_have_text("124 documents")
    expect(page.get_by_text("51\N{EN DASH}100 of 124")).to_have_count(0)
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_text("51\N{EN DASH}100 of 124")).to_be_visible()
    page.get_by_role("link", name="Size").click()
    expect(page.get_by_role("columnheader", name="Size")).to_have_attribute("aria-sort", "descending")
    expect(page.get_by_role("row").nth(1)).to_contain_text("big")
    page.get_by_role("searchbox").press_sequentially("big.b")
    expect(page.get_by_role("row")).to_have_count(2)
    cluster.peers[1].control.put("limits", {"down_rate": SLOW})
    row(page, "big.bin").get_by_role("button", name="Download").click()
    page.get_by_role("link", name="Downloads", exact=True).click()
    bar = page.locator("progress")
    seen = set()
    while len(seen) < 4:
        seen.add(bar.get_attribute("value"))
        page.wait_for_timeout(100)
    page.get_by_role("link", name="1 document").click()
    expect(page.get_by_role("img", name=re.compile(r"\d+ of 46 pieces"))).to_be_visible()
    expect(page.get_by_role("cell", name=re.compile("next piece of the source|rarest piece"))).to_be_visible()
    expect(page.locator(".row .tag").first).to_have_text("done")
    assert (cluster.peers[1].download_dir / "big.bin").stat().st_size == BIG // 256 * 256
    page.get_by_role("link", name="Documents", exact=True).click()
    page.get_by_role("searchbox").fill("big.b")
    expect(row(page, "big.bin").get_by_text("here")).to_be_visible()


def test_pause_resume_cancel_and_try_again(cluster: Cluster, peer2: Watched, expect: Any) -> None:
    page = peer2.page
    cluster.peers[1].control.put("limits", {"down_rate": SLOW})
    page.get_by_role("searchbox").fill("big2")
    row(page, "big2.bin").get_by_role("button", name="Download").click()
    page.get_by_role("link", name="Downloads", exact=True).click()
    newest = page.get_by_role("listitem").filter(has=page.locator("progress")).first
    newest.get_by_role("button", name="Pause").click()
    expect(newest.locator(".tag")).to_have_text("paused")
    newest.get_by_role("button", name="Resume").click()
    expect(newest.locator(".tag")).to_have_text("running")
    newest.get_by_role("button", name="Cancel").click()
    expect(newest.locator(".tag")).to_have_text("cancelled")
    cluster.peers[1].control.put("limits", {"down_rate": None})
    newest.get_by_role("button", name="Try again").click()
    expect(newest.locator(".tag")).to_have_text("done")


def test_many_are_selected_and_stay_so_while_the_list_changes(cluster: Cluster, peer2: Watched, expect: Any) -> None:
    page = peer2.page
    page.get_by_role("searchbox").fill("many-00")
    expect(page.get_by_role("row")).to_have_count(11)
    selected = page.get_by_role("button", name="Download selected")
    expect(selected).to_be_disabled()
    for name in "many-003.txt", "many-007.txt":
        page.get_by_role("checkbox", name=f"Select {name}").check()
    (cluster.peers[0].share_dir / "many-000a.txt").write_text("one more\n")
    expect(page.get_by_role("row")).to_have_count(12)
    expect(page.locator("input[data-name]:checked")).to_have_count(2)
    selected.click()
    expect(page.get_by_text("The download of 2 was started.")).to_be_visible()
    for name in "many-003.txt", "many-007.txt":
        expect(row(page, name).get_by_text("here")).to_be_visible()


def test_a_dropped_file_reaches_another_peer(cluster: Cluster, peer2: Watched, expect: Any, tmp_path: Path) -> None:
    page = peer2.page
    (tmp_path / "dropped.txt").write_bytes(b"dropped\n" * 300_000)
    page.get_by_role("link", name="Shares").click()
    page.get_by_label(re.compile("Drop files")).set_input_files(tmp_path / "dropped.txt")
    expect(page.get_by_text("1 of 1 shared.")).to_be_visible()
    other = cluster.peers[2]
    other.control.post("refresh")
    id_ = other.control.post("downloads", {"names": ["dropped.txt"]})["id"]
    while (download := other.control.get(f"downloads/{id_}"))["ended"] is None:
        page.wait_for_timeout(50)
    assert download["state"] == "done", download
    assert (other.download_dir / "dropped.txt").read_bytes() == b"dropped\n" * 300_000
    page.get_by_label(re.compile("Drop files")).set_input_files(tmp_path / "dropped.txt")
    expect(page.get_by_text("there is a file dropped.txt already")).to_be_visible()
    peer2.faults.clear()  # the browser reports the refusal


def test_a_folder_is_shared_and_no_longer_shared(peer2: Watched, expect: Any, tmp_path: Path) -> None:
    page = peer2.page
    (tmp_path / "new.txt").write_text("new\n")
    page.get_by_role("link", name="Shares").click()
    page.get_by_label("Folder on this machine").fill(str(tmp_path))
    page.get_by_role("button", name="Share folder").click()
    folder = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name=str(tmp_path)))
    folder.get_by_text("1 document").click()
    expect(folder.get_by_text("new.txt")).to_be_visible()
    folder.get_by_role("button", name="Stop sharing").click()
    expect(folder).to_have_count(0)


def test_a_want_is_shown_and_stopped(cluster: Cluster, peer2: Watched, expect: Any, tmp_path: Path) -> None:
    page = peer2.page
    page.get_by_role("link", name="Downloads", exact=True).click()
    cluster.peers[1].control.post("wants", {"pattern": "many-01*", "dir": str(tmp_path), "delete": True})
    want = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="many-01*"))
    expect(want.get_by_text("10 documents here")).to_be_visible()
    expect(want.get_by_text("deletes")).to_be_visible()
    want.get_by_role("button", name="Stop").click()
    expect(want).to_have_count(0)
    expect(page.get_by_text("from the settings")).to_be_visible()
    assert len(list(tmp_path.iterdir())) == 10


def test_a_document_is_read_in_the_page(cluster: Cluster, browser: Any, expect: Any) -> None:
    watched = Watched(browser)
    watched.page.goto(link(cluster.peers[0].state_dir))  # without --web: a port of its own
    watched.page.get_by_role("searchbox").fill("rfc9999")
    row(watched.page, "rfc9999.txt").get_by_role("link", name="Read").click()
    expect(watched.page.frame_locator("iframe").get_by_text("A document to read.")).to_be_visible()
    watched.context.close()
    assert watched.faults == []


def test_words_are_found_in_the_texts_of_others(peer2: Watched, expect: Any) -> None:
    page = peer2.page
    page.get_by_role("searchbox").fill("how to read")
    page.keyboard.press("Enter")
    expect(page.get_by_text(re.compile("2 of 2 other peers answered"))).to_be_visible()
    hit = page.locator(".hits li").filter(has_text="rfc9999.txt")
    expect(hit.locator("mark").first).to_have_text(re.compile("how|to|read", re.I))
    hit.get_by_role("button", name="Download").click()
    expect(page.get_by_text("The download was started.")).to_be_visible()


def test_a_hostile_name_is_text(peer2: Watched, expect: Any) -> None:
    page = peer2.page
    page.get_by_role("searchbox").fill("<img")
    expect(page.get_by_text(EVIL, exact=True)).to_be_visible()
    assert page.locator("img[src=x]").count() == 0
    row(page, EVIL).get_by_role("button", name="Download").click()
    page.get_by_role("link", name="Log").click()
    expect(page.get_by_text(EVIL).first).to_be_visible()
    assert page.locator("img[src=x]").count() == 0


def test_by_keyboard_alone(peer2: Watched, expect: Any) -> None:
    page = peer2.page
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("many-042")
    expect(page.get_by_role("row")).to_have_count(2)
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.dataset.download") == "one":
            break
    page.keyboard.press("Enter")
    expect(row(page, "many-042.txt").get_by_text("here")).to_be_visible()


def test_the_page_comes_back_when_the_peer_does(cluster: Cluster, peer2: Watched, expect: Any) -> None:
    page = peer2.page
    page.get_by_role("link", name="Downloads", exact=True).click()
    offline = page.get_by_role("alert")
    expect(page.locator("#offline")).to_be_hidden()
    cluster.kill9("peer2")
    expect(offline).to_contain_text("does not answer")
    cluster.restart("peer2")
    expect(page.locator("#offline")).to_be_hidden()
    expect(page.get_by_text("Nothing was downloaded")).to_be_visible()
    page.get_by_role("link", name="Limits").click()
    page.get_by_label(re.compile("Upload")).fill("1000")
    page.get_by_role("button", name="Set limits").click()
    expect(page.get_by_text("The limits are set.")).to_be_visible()  # the session has outlived the restart
    peer2.faults.clear()  # the browser reports each refused connection


def test_who_has_no_session_may_only_look(cluster: Cluster, browser: Any, peer2: Watched, expect: Any) -> None:
    watched = Watched(browser)
    watched.page.goto(peer2.page.url)
    expect(watched.page.get_by_text("You can look at everything here")).to_be_visible()
    for button in watched.page.locator("button[data-download]").all():
        expect(button).to_be_disabled()
    key = (cluster.peers[1].state_dir / "api.key").read_text().strip()
    watched.page.get_by_role("link", name="enter the key").click()
    watched.page.get_by_label("Key").fill(key)
    watched.page.get_by_role("button", name="Open").click()
    expect(watched.page.get_by_text("You can look at everything here")).to_have_count(0)
    watched.context.close()
    assert watched.faults == []


def test_the_table_of_the_rs_is_live(cluster: Cluster, rs_page: str, browser: Any, expect: Any) -> None:
    watched = Watched(browser)
    page = watched.page
    page.goto(rs_page)
    active = page.locator(".tag.good")
    expect(active).to_have_count(3)
    cluster.kill9("peer3")  # its TTL of 6 s runs out
    expect(active).to_have_count(2)
    page.get_by_label("State").select_option("inactive")
    expect(page.get_by_role("row")).to_have_count(2)
    page.get_by_label("State").select_option("active")
    expect(active).to_have_count(2)
    cluster.restart("peer3")
    expect(active).to_have_count(3)
    page.get_by_role("link", name="Requests").click()
    expect(page.get_by_role("img", name=re.compile("Registrations"))).to_be_visible()
    watched.context.close()
    assert watched.faults == []


PATHS = ("", "downloads", "shares", "peers", "limits", "log", "about", "login", "?q=nothing-at-all")


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1920, "light")])
def test_nothing_keeps_people_out(cluster: Cluster, rs_page: str, browser: Any, scheme: str, width: int) -> None:
    watched = Watched(browser, viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = watched.page
    page.goto(link(cluster.peers[1].state_dir))
    of_peer = page.url.rstrip("/")
    rs_paths = ("", "requests", "about", "?state=all")
    for url in [f"{of_peer}/{path}" for path in PATHS] + [f"{rs_page}/{path}" for path in rs_paths]:
        page.goto(url)
        assert violations(page) == [], url
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), url
    watched.context.close()
    assert watched.faults == []
