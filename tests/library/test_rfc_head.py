"""What the head of an RFC says."""

import pytest

from p2p_twisted.library.rfc_head import rfc_facts
from p2p_twisted.wire.search import RfcFacts

TWO_COLUMNS = """



Internet Engineering Task Force (IETF)                       E. Rescorla
Request for Comments: 8446                                       Mozilla
Obsoletes: 5077, 5246,                                 P. van Dijk, Ed.
           6961                                                   Widget
Updates: 5705, 6066                                          August 2018
Category: Standards Track
ISSN: 2070-1721


        The Transport Layer Security (TLS) Protocol Version 1.3

Abstract

   Updates: 1.  In March 2001 RFC 1 was.
"""

ONE_FIELD_A_LINE = """Stream:       Internet Engineering Task Force (IETF)
RFC:          9000
Category:     Standards Track
Published:    May 2021
ISSN:         2070-1721
Authors:      J. Iyengar, Ed.     M. Thomson, Ed.
              Fastly              Mozilla

RFC 9000
QUIC: A UDP-Based Multiplexed and Secure Transport
"""

OLD = """
RFC: 791



                           INTERNET PROTOCOL

                             September 1981
"""

APRIL = """Network Working Group                                         D. Waitzman
Request for Comments: 1149                                        BBN STC
                                                             1 April 1990

   A Standard for the Transmission of IP Datagrams on Avian Carriers

Status of this Memo
"""


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        (
            TWO_COLUMNS,
            RfcFacts(
                8446,
                "Standards Track",
                "2018-08",
                "E. Rescorla; P. van Dijk",
                (5077, 5246, 6961),
                (5705, 6066),
            ),
        ),
        (ONE_FIELD_A_LINE, RfcFacts(9000, "Standards Track", "2021-05", "J. Iyengar; M. Thomson")),
        (OLD, RfcFacts(791, date="1981-09")),
        (APRIL, RfcFacts(1149, date="1990-04-01", authors="D. Waitzman")),
        ("", RfcFacts()),
        ("Some notes\n\nSee RFC 1149. Category: fun\n", RfcFacts()),
        ("Request for Comments: 0\n", RfcFacts()),
    ],
)
def test_heads(text: str, facts: RfcFacts) -> None:
    assert rfc_facts(text) == facts


def test_a_hostile_head_stays_within_the_limits() -> None:
    numbers = ", ".join(map(str, range(1, 400)))
    authors = "\n".join(f"{' ' * 50}A. Author{'x' * 20}{number}" for number in range(40))
    facts = rfc_facts(f"Request for Comments: 5\nObsoletes: {numbers}\nCategory: {'x' * 900}\n{authors}\n")
    assert len(facts.obsoletes) == 32
    assert len(facts.category) == len("x" * 200)
    assert len(facts.authors) <= 200
