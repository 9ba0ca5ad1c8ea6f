"""The pages of a peer over HTTP: what they show, what they escape, and who may see them."""

from __future__ import annotations

import re
from typing import Any

from p2p_twisted.events.types import DocumentShared, FileEnded, HashFailed, SourceBanned
from p2p_twisted.web.api.schema import Settings, SettingValue
from p2p_twisted.web.http.calls import ApiRoot
from p2p_twisted.web.pages.login import login
from p2p_twisted.web.pages.notable import NotableLog
from p2p_twisted.web.pages.peer import NAVIGATION, add_peer_pages
from tests.support.fake_facades import a_document
from tests.support.http_client import KEY, Answer

from ..api.test_peer import ApiTestCase

EVIL = "<img src=x onerror=alert(1)>\"'\u202egpj.\x1b[31m.txt"


class PagesTestCase(ApiTestCase):
    def setUp(self) -> None:
        super().setUp()
        config = Settings([SettingValue("listen", "tcp:<b>", "flag")])
        add_peer_pages(self.root, self.peer, config, NotableLog(self.peer.events))
        self.root.putChild(b"login", login(self.access))

    async def page(self, path: str, **more: Any) -> Answer:
        return await self.ask("GET", path, key=None, **more)


class AddedLateTests(ApiTestCase):
    async def test_pages_that_are_added_when_the_first_is_asked_for(self) -> None:
        added = []

        def add(root: ApiRoot) -> None:
            added.append(root)
            add_peer_pages(root, self.peer, Settings([]), NotableLog(self.peer.events))

        self.root.add_pages = add
        self.assertEqual((await self.ask("GET", "/api/v1/status")).status, 200)
        self.assertEqual(added, [])
        for path, status in ("/", 200), ("/downloads", 200), ("/static/face.css", 200), ("/nothing", 404):
            self.assertEqual((await self.ask("GET", path)).status, status, path)
        self.assertEqual(added, [self.root])


class ShownTests(PagesTestCase):
    async def test_each_page_of_the_navigation(self) -> None:
        for path, name in NAVIGATION:
            answer = await self.page(path)
            self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, "text/html; charset=utf-8"), path)
            self.assertIn("default-src 'self'", answer.headers["Content-Security-Policy"])
            self.assertIn(f'<a href="{path}" aria-current="page">{name}</a>', answer.body.decode())

    async def test_nothing_is_inline_or_from_elsewhere(self) -> None:
        for path, _ in NAVIGATION:
            text = (await self.page(path)).body.decode()
            self.assertNotRegex(text, r"<script(?! src=\"/static/)|<style|\son[a-z]+=|style=|https?://(?!127\.0\.0\.1)")

    async def test_a_search_and_its_part(self) -> None:
        text = (await self.page("/?q=rfc10")).body.decode()
        self.assertIn('value="rfc10"', text)
        part = (await self.page("/?q=rfc10&part=list")).body.decode()
        self.assertEqual(re.findall(r'data-download="one" data-name="(.*?)"|Read</a>', part), [""])
        self.assertNotIn("<html", part)
        self.assertIn("No name or title has all of", (await self.page("/?q=nothing-like-it&part=list")).body.decode())

    async def test_the_orders_of_documents(self) -> None:
        text = (await self.page("/?q=rfc&sort=-size&part=list")).body.decode()
        self.assertEqual(re.findall(r'aria-sort="(\w+)"', text), ["descending"])
        self.assertEqual(re.findall(r'sort=([-a-z]+)">', text), ["name", "title", *(["size", "-holders"] * 2)])
        names = re.findall(r'<span class="name">(.*?)</span>', text)
        self.assertEqual(names, [document["name"] for document in self.peer.documents[::-1]])
        self.assertNotIn("aria-sort", (await self.page("/peers")).body.decode())
        self.assertEqual((await self.page("/?sort=date")).status, 400)

    async def test_words_are_looked_for_in_texts(self) -> None:
        self.assertEqual(self.peer.searches, [])
        here = (await self.page("/texts?q=Document+1&part=hits")).body.decode()
        self.assertIn("Press Enter", here)
        text = (await self.page("/texts?q=Document+1&swarm=yes&part=hits")).body.decode()
        self.assertIn("2 of 3 other peers answered", text)
        self.assertIn("\N{HORIZONTAL ELLIPSIS}the \\x1b[31m<mark>elapsed time</mark>", text)
        self.assertIn('obsoletes <a href="/?q=rfc%3A5077+">5077</a>', text)
        self.assertEqual([(limit, swarm) for _, limit, swarm in self.peer.searches], [(20, False), (20, True)])
        self.assertIn("from 1 to 16 words", (await self.page("/texts?q=%3F&part=hits")).body.decode())
        self.assertEqual((await self.page("/texts?q=&part=hits")).body.strip(), b"")

    async def test_pages_of_many_documents(self) -> None:
        self.peer.documents = [a_document(number) for number in range(1000, 1120)]
        first, last = (await self.page("/")).body.decode(), (await self.page("/?offset=100")).body.decode()
        self.assertIn('rel="next" href="?q=&amp;offset=50"', first)
        self.assertNotIn('rel="prev"', first)
        self.assertIn('rel="prev" href="?q=&amp;offset=50"', last)
        self.assertNotIn('rel="next"', last)

    async def test_a_download(self) -> None:
        id_ = self.peer.start_download(["done_a.pdf", "running_b.pdf", "checksum_c.pdf"], None, False)
        text = (await self.page(f"/downloads/{id_}")).body.decode()
        self.assertIn("checksum_c.pdf went wrong: checksum", text)
        self.assertIn("127.0.0.1:65401", text)
        self.assertIn("/downloads/1", (await self.page("/downloads")).body.decode())

    async def test_wants(self) -> None:
        self.assertNotIn("<h2>Wants</h2>", (await self.page("/downloads?part=wants")).body.decode())
        self.peer.add_want("<b>*", EVIL, ("127.0.0.1", 65401), True)
        self.peer.add_want("set", None, None, False)
        text = (await self.page("/downloads?part=wants")).body.decode()
        self.assertIn("&lt;b&gt;*", text)
        self.assertIn("of 127.0.0.1:65401", text)
        self.assertEqual(re.findall(r"DELETE /api/v1/wants/(w\d)", text), ["w1"])
        self.assertIn("from the settings", text)
        self.assertNotIn("<img", text)

    async def test_what_is_not_there(self) -> None:
        for path in ("/downloads/none", "/?part=none", "/nothing"):
            self.assertEqual((await self.page(path)).status, 404, path)
        for path in ("/?offset=-1", "/?offset=x", "/?unknown=1"):
            self.assertEqual((await self.page(path)).status, 400, path)

    async def test_the_log_tells_what_happened_in_words(self) -> None:
        self.peer.events.publish(FileEnded("1", "a.pdf", "done", size=2000, seconds=2.0, sources=(("10.0.0.1", 5),)))
        self.peer.events.publish(HashFailed("0" * 64, 3, ("10.0.0.9", 65400)))
        text = (await self.page("/log")).body.decode()
        self.assertIn("a.pdf: 2.00 kB from 1 source in 2.0 s at 1.00 kB/s.", text)
        self.assertLess(text.index("10.0.0.9:65400 sent a wrong piece 3"), text.index("a.pdf: 2.00 kB"))


class HostileTests(PagesTestCase):
    async def test_names_are_never_markup(self) -> None:
        self.peer.documents = [
            a_document(1) | {"name": EVIL, "title": EVIL},
            a_document(3) | {"name": "x", "title": EVIL},
        ]
        self.peer.start_download([EVIL], None, False)
        self.peer.shared.append(EVIL)
        self.peer.rs_error = EVIL
        for event in DocumentShared(EVIL, 1, "0" * 64), SourceBanned(("10.0.0.1", 1), EVIL):
            self.peer.events.publish(event)
        for path in [path for path, _ in NAVIGATION] + ["/downloads/1", "/?q=%3Cimg"]:
            text = (await self.page(path)).body.decode()
            self.assertNotIn("<img src=x", text, path)
            self.assertNotIn("\x1b", re.sub(r'data-(?:name|key)="[^"]*"', "", text), path)
            self.assertNotIn("\u202e", re.sub(r'data-(?:name|key)="[^"]*"', "", text), path)
        self.assertIn("&lt;img src=x", (await self.page("/")).body.decode())
        self.assertIn("tcp:&lt;b&gt;", (await self.page("/about")).body.decode())


class AccessTests(PagesTestCase):
    def cookie(self) -> str:
        return "Cookie: " + self.access.cookie(self.port, False).partition(";")[0] + "\r\n"

    def origin(self) -> str:
        return f"Origin: http://127.0.0.1:{self.port}\r\n"

    async def change(self, extra: str) -> int:
        host = f"127.0.0.1:{self.port}"
        answer = await self.ask("POST", "/api/v1/downloads", {"names": ["done_a"]}, key=None, host=host, extra=extra)
        return answer.status

    async def test_a_link_begins_a_session_once(self) -> None:
        path = f"/login?once={self.access.new_link()}"
        first = await self.page(path)
        self.assertEqual((first.status, first.headers["Location"]), (303, "/"))
        cookie = "Cookie: " + first.headers["Set-Cookie"].partition(";")[0] + "\r\n"
        self.assertEqual(await self.change(cookie + self.origin()), 202)
        again = await self.page(path)
        self.assertEqual(again.status, 403)
        self.assertNotIn("Set-Cookie", again.headers)

    async def test_the_key_begins_a_session(self) -> None:
        right = await self.ask("POST", "/login", {"key": KEY}, key=None)
        self.assertIn("HttpOnly", right.headers["Set-Cookie"])
        for key in "0" * 64, "", None, 5:
            wrong = await self.ask("POST", "/login", {"key": key}, key=None)
            self.assertEqual((wrong.status, "Set-Cookie" in wrong.headers), (401, False), key)

    async def test_another_site_cannot_use_the_session(self) -> None:
        self.assertEqual(await self.change(self.cookie() + self.origin()), 202)
        self.assertEqual(await self.change(self.cookie()), 403)
        self.assertEqual(await self.change(self.cookie() + "Origin: http://elsewhere.example\r\n"), 403)
        self.assertEqual(await self.change(self.origin()), 401)

    async def test_where_the_site_is_not_open_everything_takes_a_session(self) -> None:
        self.site.is_open = False
        self.assertEqual((await self.page("/api/v1/events")).status, 401)
        for path in ("/api/v1/status", "/", "/downloads/1", "/static/../api/v1/status", "/nothing"):
            self.assertEqual((await self.page(path)).status, 401, path)
            self.assertNotEqual((await self.page(path, extra=self.cookie())).status, 401, path)
        sent = await self.page("/", extra="Accept: text/html\r\n")
        self.assertEqual((sent.status, sent.headers["Location"]), (303, "/login"))
        for path in "/login", "/static/face.css":
            self.assertEqual((await self.page(path)).status, 200, path)

    async def test_who_may_not_change_anything_is_told(self) -> None:
        self.assertIn("data-read-only", (await self.page("/")).body.decode())
        self.assertNotIn("data-read-only", (await self.page("/", extra=self.cookie())).body.decode())
