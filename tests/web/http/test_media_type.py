"""Which media types of a body are taken for JSON in UTF-8."""

from __future__ import annotations

import pytest

from p2p_twisted.web.http.errors import ApiError
from p2p_twisted.web.http.media_type import check_json


@pytest.mark.parametrize(
    "media_type",
    [
        *("application/json", "Application/JSON", "application/json ", "application/json;", "application/json ; ;"),
        *("application/json;charset=UTF-8", "application/json; Charset=utf8", 'application/json; charset="utf-8"'),
        *(r'application/json; charset="UT\F-8"', "application/json; charset=us-ascii", 'application/json; a=";"; b=c'),
    ],
)
def test_json_in_all_spellings(media_type: str) -> None:
    check_json([media_type], [])
    check_json([media_type], ["identity", " Identity ,"])


@pytest.mark.parametrize(
    "types",
    [
        *([], [""], ["application/json", "application/json"], ["application/json, text/plain"], ["json"]),
        *(["text/json"], ["application/jsonx"], ["application/json x"], ["application/json;charset"]),
        *(["application/json; charset=latin-1"], ["application/json; charset=utf-16"], ["application/x+json"]),
        *(['application/json; charset="utf-8'], ["application/json;" + " " * 16_000 + "x"]),
    ],
)
def test_everything_else_is_refused(types: list[str]) -> None:
    with pytest.raises(ApiError) as refused:
        check_json(types, [])
    assert refused.value.status == 415


@pytest.mark.parametrize("coding", ["gzip", "identity, br", "GZIP"])
def test_a_body_that_is_coded_is_refused(coding: str) -> None:
    with pytest.raises(ApiError) as refused:
        check_json(["application/json"], [coding])
    assert (refused.value.status, "Content-Encoding" in refused.value.text) == (415, True)
