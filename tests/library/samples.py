"""PDFs and texts made for the tests."""

from __future__ import annotations

import zlib

from fpdf import FPDF

RFC_HEAD = """\


Internet Engineering Task Force (IETF)                      A. Writer
Request for Comments: 99999                       An Uncommonly Long Company
Updates: 5246, 5705, 5077,                                    B. Helper
         5878, 6520, 7301
Category: Experimental                                      August 2018
ISSN: 2070-1721


          A Title That Is So Long That It Has To Go On in
                    the Next Line: Part Two

Abstract

   This document says nothing at all.
"""


def pdf_of(text: str, title: str | None = None) -> bytes:
    """A PDF with `text` on its first page, line for line, and `title` in its metadata."""
    pdf = FPDF()
    pdf.add_page()
    pdf.set_font("Courier", size=10)
    if title is not None:
        pdf.set_title(title)
    for line in text.splitlines():
        pdf.cell(text=line or " ", new_x="LMARGIN", new_y="NEXT")
    return bytes(pdf.output())


def endless_pdf(repeat: int) -> bytes:
    """A small PDF whose only page unpacks to `repeat` texts to draw."""
    stream = zlib.compress(b"BT (a)Tj ET " * repeat)
    return b"".join(
        [
            b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n",
            b"2 0 obj<</Type/Pages/Count 1/Kids[3 0 R]>>endobj\n",
            b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R",
            b"/Resources<</Font<</F 5 0 R>>>>>>endobj\n",
            b"4 0 obj<</Filter/FlateDecode/Length %d>>stream\n%b\nendstream endobj\n" % (len(stream), stream),
            b"5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Courier>>endobj\n",
            b"trailer<</Size 6/Root 1 0 R>>\nstartxref\n0\n%%EOF\n",
        ]
    )
