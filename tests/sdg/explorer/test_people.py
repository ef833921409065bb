"""Files for people: what would run in a spreadsheet is disarmed, numbers stay numbers."""

import csv
import io

import openpyxl
import pytest

from regional_hub.sdg.explorer import charts, downloads, people
from regional_hub.sdg.explorer.choices import choose
from regional_hub.sdg.explorer.downloads import Export
from regional_hub.sdg.explorer.state import parse
from regional_hub.sdg.loading import Room
from tests.sdg.explorer import small

FORMULAS = ["=1+1", "+cmd|' /C calc'!A0", "@SUM(A1)", "-2+3", "\t=1", '=HYPERLINK("http://x")', " =1"]
LONG = "0.1234567890123456789"


@pytest.fixture
def export(tmp_path) -> Export:
    made = small.structure(small.coded("REF_AREA", KG="=cmd()", KZ="Kazakhstan"))
    room = Room(tmp_path)
    rows = [small.row("KG", str(2000 + place), "-3.50", COMMENT_OBS=text) for place, text in enumerate(FORMULAS)]
    rows += [small.row("KZ", "2001", LONG, SOURCE_DETAIL="bell \x07"), small.row("KZ", "2002", "NaN")]
    small.publish(room, made, rows, "r1")
    book = small.book(room)
    choice = choose(book, parse(book, "POV", {"area": ["*"]}, charts.KINDS))
    return Export(choice, None, "Cite me", "https://hub.example/x", "Hub")


def test_a_csv_runs_no_formula_and_keeps_every_digit(export):
    text = b"".join(people.csv(export)).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))

    assert len(rows) == len(FORMULAS) + 2
    for row in rows:
        for name, cell in row.items():
            assert cell[:1] not in ("=", "+", "@", "\t") and (not cell.startswith("-") or name == "Value")
    assert [row["Footnotes"] for row in rows[:-2]] == [f"'{text}" for text in FORMULAS]
    assert [row["Value"] for row in rows] == ["-3.50"] * len(FORMULAS) + [LONG, ""]
    assert rows[0]["REF_AREA" if "REF_AREA" in rows[0] else "Ref area"] == "'=cmd()"


def test_a_workbook_has_numbers_texts_and_notes(export):
    book = openpyxl.load_workbook(io.BytesIO(people.workbook(export)))
    data, notes = book.worksheets
    head = [cell.value for cell in data[1]]
    value = head.index("Value")

    cells = [cell for row in data.iter_rows(min_row=2) for cell in row]
    assert not any(cell.data_type == "f" for cell in cells)
    assert data.cell(2, value + 1).value == -3.5
    assert data.cell(2 + len(FORMULAS), value + 1).value == LONG  # a spreadsheet's number could not hold it
    assert data.cell(3 + len(FORMULAS), value + 1).value is None
    told = {row[0].value: row[1].value for row in notes.iter_rows()}
    assert told["Release"] == "r1" and told["Cite as"] == "Cite me" and "never zero" in told["Missing values"]
    assert "bell" in told["Source"]


def test_a_workbook_that_would_be_too_large_says_so(export, monkeypatch):
    monkeypatch.setattr(downloads, "MOST_SHEET_ROWS", 3)

    with pytest.raises(downloads.TooLarge) as error:
        next(downloads.FILES["data.xlsx"].write(export))

    assert (error.value.most, error.value.count) == (3, len(FORMULAS) + 2)
