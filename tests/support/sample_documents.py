"""PDFs and texts made for the tests."""

from __future__ import annotations

import zlib
from io import BytesIO

from fpdf import FPDF
from pypdf import PdfWriter

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


def raw_pdf(info: bytes | None = None, xmp: bytes | None = None, text: bytes | None = b"Page Text") -> bytes:
    """A PDF with `info` as its information dictionary, `xmp` as its metadata, and `text` on its page; a page that
    cannot be read if that is None. As they are, whatever is wrong with them."""
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>"
    stream = b"BT /F 9 Tf (%b) Tj ET" % (text or b"")
    objects = [
        b"<</Type/Catalog/Pages 2 0 R%b>>" % (b"/Metadata 7 0 R" if xmp is not None else b""),
        b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
        page if text is not None else b"42",
        b"<</Length %d>>stream\n%b\nendstream" % (len(stream), stream),
        b"<</Type/Font/Subtype/Type1/BaseFont/Courier>>",
        info if info is not None else b"null",
        b"<</Type/Metadata/Subtype/XML/Length %d>>stream\n%b\nendstream" % (len(xmp or b""), xmp or b""),
    ]
    data, offsets = b"%PDF-1.4\n", []
    for number, what in enumerate(objects, 1):
        offsets.append(len(data))
        data += b"%d 0 obj%b endobj\n" % (number, what)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    root = b"<</Size 8/Root 1 0 R%b>>" % (b"/Info 6 0 R" if info is not None else b"")
    return data + b"xref\n0 8\n0000000000 65535 f \n%btrailer%b\nstartxref\n%d\n%%%%EOF\n" % (table, root, len(data))


def xmp_of(titles: dict[str, str]) -> bytes:
    """XMP metadata with a title for each language."""
    items = "".join(f'<rdf:li xml:lang="{language}">{title}</rdf:li>' for language, title in titles.items())
    return f"""<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title><rdf:Alt>{items}</rdf:Alt></dc:title></rdf:Description>
</rdf:RDF></x:xmpmeta><?xpacket end="w"?>""".encode()


def encrypted(data: bytes, algorithm: str, password: str = "") -> bytes:
    """The PDF `data`, encrypted; with a `password` it cannot be read without."""
    writer = PdfWriter(clone_from=BytesIO(data))
    writer.encrypt(user_password=password, owner_password="owner", algorithm=algorithm)
    output = BytesIO()
    writer.write(output)
    return output.getvalue()
