"""The page of messages as one file: whatever a message says stays text."""

from __future__ import annotations

import json
import re

from p2p_twisted.experiment.page.messages_page import messages_file
from p2p_twisted.experiment.trace.messages import Traced

HOSTILE = "<script>alert(1)</script></script><!--\u202e"


def test_everything_is_in_the_file_and_nothing_is_markup() -> None:
    head = f"GET FILE P2P_DI_1.1\nHost: a\n\n{HOSTILE}\n\n"
    page = messages_file([Traced(0.0, 0.0, HOSTILE, "rs", "a:1", "b:2", "request", HOSTILE, head, HOSTILE, 5)], "x<y")
    assert "Messages of x&lt;y" in page
    assert "alert(1)</script>" not in page
    assert not re.search(r'(?:src|href)="(?!#)', page)
    [details] = re.findall(r'<script type="application/json" id="details">(.*?)</script>', page, re.DOTALL)
    assert json.loads(details)[0]["body"] == HOSTILE
