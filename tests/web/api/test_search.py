"""GET search."""

from __future__ import annotations

from tests.web.api.test_peer import ApiTestCase


class SearchTests(ApiTestCase):
    async def test_the_terms_are_passed_on_the_last_one_unfinished(self) -> None:
        await self.ask("GET", "/api/v1/search?q=rfc:8446+%22slow+start%22+con")
        await self.ask("GET", "/api/v1/search?q=con+&limit=5&swarm=yes")
        self.assertEqual(self.peer.searches, [('rfc:8446 "slow start" con*', 20, False), ("con", 5, True)])

    async def test_the_answer(self) -> None:
        answer = await self.ask("GET", "/api/v1/search?q=rfc1.txt&swarm=yes")
        [item] = answer.json["items"]
        self.assertEqual(item["document"], self.peer.documents[0])
        self.assertEqual((answer.json["asked"], answer.json["answered"]), (3, 2))

    async def test_refused(self) -> None:
        for query in ("", "q=", "q=+-", "q=a%0Ab", "q=a&limit=51", "q=a&limit=0", "q=a&swarm=maybe", "q=a&offset=1"):
            answer = await self.ask("GET", f"/api/v1/search?{query}")
            self.assertEqual(answer.status, 400, query)
        self.assertEqual(self.peer.searches, [])
