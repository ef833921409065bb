"""The automatic checks that read: what each finds, what it leaves alone, and that it never repeats what it found."""

import base64
import hashlib
import io
import json
import time

import nbformat.v4 as v4
import pytest
from PIL import Image, ImageDraw

from regional_hub.showcase.bundle_faults import BundleError, Limits
from regional_hub.showcase.bundle_notebook import read
from regional_hub.showcase.checks import built, compare, declared, disclosure, numbers, personal, pictures, secrets
from regional_hub.showcase.checks.everything import examine
from regional_hub.showcase.checks.finding import MOST_FOUND, NAMES, Finding, Policy, Subject, judge
from tests.showcase.bundles import notebook_bytes

POLICY = Policy()
# Put together here, so that no scanner takes this file for a leak.
AWS = "AKIA" + "IOSFODNN7EXAMPLE"
GITHUB = "ghp_" + "a1B2" * 9
HUB_TOKEN = "0123456789abcdef" * 2
RESIDENT = "11010519491231002X"
CARD = "4111 1111 1111 1111"
IBAN = "DE89 3704 0044 0532 0130 00"


def subject(*cells, files=None, executed=None, **more):
    kept = {name: (lambda content=content: content) for name, content in (files or {}).items()}
    ran = read(notebook_bytes(*executed)) if executed is not None else None
    return Subject(read(notebook_bytes(*cells)), ran, kept, **more)


def code(source, *outputs, **metadata):
    return v4.new_code_cell(source, outputs=list(outputs), metadata=metadata)


def printed(text):
    return v4.new_output("stream", name="stdout", text=text)


def html(markup):
    return v4.new_output("display_data", data={"text/html": markup, "text/plain": "table"})


def table(columns, *rows):
    head = "".join(f"<th>{name}</th>" for name in columns)
    body = "".join("<tr>" + "".join(f"<td>{value}</td>" for value in row) + "</tr>" for row in rows)
    return html(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")


def png(size=(200, 100), shade=255, text=""):
    picture = Image.new("RGB", size, (shade, shade, shade))
    ImageDraw.Draw(picture).text((10, 10), text, fill=(0, 0, 0))
    made = io.BytesIO()
    picture.save(made, "PNG")
    return base64.b64encode(made.getvalue()).decode()


def image(data, **metadata):
    return v4.new_output("display_data", data={"image/png": data, "text/plain": "<Figure>"}, metadata=metadata)


def places(found, weight="severe"):
    return [one.where for one in found if one.weight == weight]


# -- secrets -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        f"key = '{AWS}'",
        f"token = '{GITHUB}'",
        f"JUPYTERHUB_API_TOKEN={HUB_TOKEN}",
        f"headers = {{'Authorization': 'token {HUB_TOKEN}'}}",
        f"http://hub/user/a/lab?token={HUB_TOKEN}",
        "url = 'postgresql://water:" + "hunter2secret@db/water'",
        "-----BEGIN RSA PRIVATE" + " KEY-----",
        "password = 'correct-horse-battery'",
        "LTAI" + "5tQnKxyz12345678",
    ],
)
def test_secrets_are_found_in_code_text_outputs_metadata_and_files_and_never_repeated(line):
    everywhere = subject(
        code(line),
        v4.new_markdown_cell(line),
        code("show()", printed(line)),
        code("1", tags=[line]),
        files={"notes.txt": f"first\n{line}\n".encode()},
    )

    found = secrets.check(everywhere)

    assert {"c1", "c2", "c3 output", "notes.txt:2"} <= set(places(found))
    assert "c4" in places(found) or "password" in line or "postgresql" in line
    said = json.dumps([[one.text, one.text_zh, one.where] for one in found])
    assert not any(secret in said for secret in (AWS, GITHUB, HUB_TOKEN, "hunter2secret", "correct-horse"))


def test_a_secret_that_only_the_run_printed_is_found():
    found = secrets.check(subject(code("x"), executed=[code("x", printed(AWS))]))

    assert places(found) == ["c1 output"]


def test_hashes_placeholders_and_pictures_are_no_secrets():
    fine = subject(
        code(f"assert digest == '{hashlib.sha256(b'x').hexdigest()}'\npassword = 'xxxx'\nkey = 'REF_AREA'"),
        code("plot()", image(png(text=AWS))),
        v4.new_markdown_cell("The key figure. Token economies. See https://example.org/a?page=2"),
    )

    assert places(secrets.check(fine)) == []


def test_what_cannot_be_read_is_said():
    found = secrets.check(subject(code("1"), files={"a.parquet": b"PAR1\0\0\0"}))

    assert [(one.where, one.weight) for one in found] == [("a.parquet", "note")]


def test_an_attackers_line_takes_no_long_time():
    line = "token=" + "a" * 1_000_000 + " key " + "1-" * 500_000

    began = time.monotonic()
    secrets.check(subject(code("1"), files={"a.txt": line.encode()}))
    personal.check(subject(code("1"), files={"a.txt": line.encode()}))

    assert time.monotonic() - began < 30


# -- personal data -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [RESIDENT, CARD, IBAN])
def test_numbers_of_people_with_check_digits_are_severe_and_not_repeated(value):
    found = personal.check(subject(code("show()", printed(f"it is {value}."))))

    assert places(found) == ["c1 output"]
    assert value not in str(found)


@pytest.mark.parametrize(
    "value", ["110105194912310021", "11010519491331002X", "4111 1111 1111 1112", "DE88 3704 0044 0532 0130 00"]
)
def test_numbers_whose_check_digit_is_wrong_are_none(value):
    assert places(personal.check(subject(code("show()", printed(f"it is {value}."))))) == []


@pytest.mark.parametrize(
    "value", ["P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "Passport No. E12345678", "护照号码：EA1234567"]
)
def test_passports_are_severe_and_not_repeated(value):
    found = personal.check(subject(code("show()", printed(value))))

    assert places(found) == ["c1 output"]
    assert value not in str(found)


@pytest.mark.parametrize(
    "value", ["13912345678", "+86 139 1234 5678", "+996 312 625 000", "010-62345678", "a.b@stat.kg"]
)
def test_one_contact_is_for_reviewers_and_a_list_is_severe(value):
    one = personal.check(subject(v4.new_markdown_cell(f"Ask {value}")))
    many = "\n".join(
        value.replace("5678", f"567{n}").replace("000", f"00{n}").replace("a.b", f"a{n}") for n in range(6)
    )
    listed = personal.check(subject(code("1"), files={"people.csv": f"x\n{many}\n".encode()}))

    assert places(one, "look") == ["c1"] and places(one) == []
    assert places(listed) == ["people.csv"]


def test_figures_of_statistics_are_no_data_of_people():
    rows = [("2015-2024", "7,123,456.5"), ("KG", "13912345678.25"), ("1.3912345678", "0.13912345678")]

    assert personal.check(subject(code("t", table(("period", "value"), *rows)))) == []


@pytest.mark.parametrize("name", ["name", "Phone", "date_of_birth", "passport no", "姓名", "手机号", "身份证号"])
def test_columns_with_the_names_of_personal_data_are_looked_at(name):
    assert places(personal.check(subject(code("t", table((name, "x"), ("a", "b"))))), "look") == ["c1 output"]
    assert places(personal.check(subject(code("t"), files={"t.csv": f"{name},x\na,b\n".encode()})), "look") == ["t.csv"]


def test_resident_ids_follow_the_standard():
    assert numbers.is_resident_id(RESIDENT) and numbers.is_resident_id(RESIDENT.lower())
    assert not numbers.is_resident_id("110105194912310020")


# -- disclosure --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("column", ["n", "count", "number of households", "persons", "人数", "样本量"])
def test_small_counts_are_severe(column):
    found = disclosure.check(subject(code("t", table(("area", column), ("A", "120"), ("B", "2"), ("C", "0")))), POLICY)

    assert places(found) == ["c1 output"] and "1 counts" in found[0].text


def test_counts_from_the_threshold_on_are_fine():
    fine = subject(code("t", table(("area", "count"), ("A", "120"), ("B", "3"), ("C", "0"))))

    assert disclosure.check(fine, POLICY) == []
    assert places(disclosure.check(fine, Policy(smallest_cell=10))) == ["c1 output"]
    assert disclosure.check(fine, Policy(smallest_cell=0)) == []


def test_small_counts_in_a_csv_file_and_with_semicolons():
    files = {"a.csv": b"area,count\nA,1\n", "b.csv": b"area;count\nA;1\n"}

    assert places(disclosure.check(subject(code("1"), files=files), POLICY)) == ["a.csv", "b.csv"]


def test_a_cross_table_of_whole_numbers_is_looked_at_and_a_table_of_years_is_not():
    cross = subject(code("t", table(("area", "men", "women"), ("A", "20", "1"), ("B", "31", "14"))))
    years = subject(code("t", table(("area", "year", "rank"), ("A", "2020", "2"), ("B", "2021", "1"))))

    assert places(disclosure.check(cross, POLICY), "look") == ["c1 output"]
    assert disclosure.check(years, POLICY) == []


def test_pandas_tables_with_an_index_are_read():
    markup = (
        "<table><thead><tr><th></th><th>count</th></tr><tr><th>area</th><th></th></tr></thead>"
        "<tbody><tr><th>A</th><td>2</td></tr></tbody></table>"
    )

    assert places(disclosure.check(subject(code("t", html(markup))), POLICY)) == ["c1 output"]


def test_a_dominating_contribution_is_severe():
    rows = (("A", "90", "100"), ("B", "20", "100"))
    found = disclosure.check(subject(code("t", table(("branch", "max", "sum"), *rows))), POLICY)

    assert places(found) == ["c1 output"] and "in 1 rows" in found[0].text
    assert disclosure.check(subject(code("t", table(("branch", "max", "sum"), rows[1]))), POLICY) == []


def acro(status, checksum=""):
    files = [{"name": "output_0_0.csv", "checksum": checksum, "sdc": {}}]
    output = {"uid": "output_0", "status": status, "summary": "fail; threshold: 2 cells may need suppressing"}
    return json.dumps({"version": "0.4.8", "results": {"output_0": {**output, "files": files}}}).encode()


def test_what_acro_found_is_passed_on():
    def found(content, **files):
        return disclosure.check(subject(code("1"), files={"out/results.json": content, **files}), POLICY)

    assert places(found(acro("fail"))) == ["out/results.json"]
    assert places(found(acro("review")), "look") == ["out/results.json"]
    assert found(acro("pass")) == []
    assert places(found(b"{]"), "look") == ["out/results.json"]


def test_a_table_that_changed_since_acro_saw_it_is_severe():
    content = b"area,value\nA,10.5\n"
    seen, other = hashlib.sha256(content).hexdigest(), hashlib.sha256(b"x").hexdigest()

    def found(checksum):
        files = {"out/results.json": acro("pass", checksum), "out/output_0_0.csv": content}
        return disclosure.check(subject(code("1"), files=files), POLICY)

    assert found(seen) == [] and places(found(other)) == ["out/output_0_0.csv"]


def test_it_says_what_it_does_not_see():
    found = disclosure.check(subject(code("plot()", image(png())), files={"a.parquet": b"PAR1\0"}), POLICY)

    assert places(found, "note") == ["", "a.parquet"]


# -- the same results --------------------------------------------------------------------------------------------------


def same(before, after):
    return compare.check(subject(code("x", before), executed=[code("x", after)]), POLICY)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<a.B object at 0x7f1234567890>", "<a.B object at 0x7fabcdef0123>"),
        ("took 1.53 s", "took 12 ms"),
        ("made 2026-11-24 10:11:12.5", "made 2026-11-25T01:02:03Z"),
        ("mean 3.1400000001", "mean 3.1400000002"),
        ("\x1b[31mred\x1b[0m", "red"),
    ],
)
def test_what_differs_from_run_to_run_is_no_difference(before, after):
    assert same(printed(before), printed(after)) == []


@pytest.mark.parametrize(
    ("before", "after"), [("mean 3.14", "mean 3.15"), ("up", "down"), ("1 2", "1 2 3"), ("1e-3", "1e3")]
)
def test_other_results_are_differences_with_their_cell(before, after):
    assert places(same(printed(before), printed(after))) == ["c1"]


def test_pieces_of_a_stream_and_warnings_do_not_matter():
    warned = v4.new_output("stream", name="stderr", text="careful")
    sent = subject(code("x", printed("a"), printed("b")), executed=[code("x", printed("a"), warned, printed("b"))])
    one = subject(code("x", printed("a"), printed("b")), executed=[code("x", printed("ab"))])

    assert compare.check(sent, POLICY) == compare.check(one, POLICY) == []


def test_styled_tables_have_other_ids_each_time():
    def styled(name, value):
        return html(f'<table id="T_{name}"><tr><td id="T_{name}_row0_col0">{value}</td></tr></table>')

    assert same(styled("a1b2c", 4), styled("ff00e", 4)) == []
    assert places(same(styled("a1b2c", 4), styled("ff00e", 5))) == ["c1"]


def test_pictures_are_compared_loosely():
    assert same(image(png(text="Water")), image(png(size=(204, 101), text="Water "))) == []
    assert places(same(image(png(shade=255)), image(png(shade=120)))) == ["c1"]
    assert places(same(image(png()), image(png(size=(400, 100))))) == ["c1"]
    assert places(same(image(png()), image(base64.b64encode(b"no picture").decode()))) == ["c1"]


def test_another_kind_of_output_is_a_difference_and_none_at_all_is_said():
    error = v4.new_output("error", ename="KeyError", evalue="x", traceback=[])
    assert places(same(printed("1"), error)) == ["c1"]
    assert places(compare.check(subject(code("x"), executed=[code("x", printed("1"))]), POLICY), "look") == [""]


# -- the rest ----------------------------------------------------------------------------------------------------------


def test_pictures_need_texts():
    bare = [
        v4.new_markdown_cell("![](map.png)"),
        v4.new_markdown_cell('<img src="map.png">'),
        code("plot()", image(png())),
        code("show()", html('<img src="data:,">')),
    ]

    assert places(pictures.check(subject(*bare))) == ["c1", "c2", "c3 output", "c4 output"]


def test_a_text_can_stand_in_many_places():
    chart = {"application/vnd.vegalite.v5+json": {"description": "Water by year"}, "text/plain": "x"}
    fine = [
        v4.new_markdown_cell("![Map of the Chu](map.png)"),
        v4.new_markdown_cell('<img src="line.png" alt="" role="presentation">'),
        code("#| fig-alt: Water by year\nplot()", image(png())),
        code("plot()", image(png()), alt="Water by year"),
        code("plot()", image(png(), **{"image/png": {"alt": "Water by year"}})),
        code("chart", v4.new_output("display_data", data=chart)),
    ]

    assert pictures.check(subject(*fine)) == []


def test_licences():
    assert places(declared.licence(subject())) == [""]
    assert places(declared.licence(subject(licence="My-Own-1.0")), "look") == [""]
    assert declared.licence(subject(licence="CC-BY-4.0")) == []


def test_environments():
    assert len(declared.environment(subject())) == 2
    assert len(declared.environment(subject(image="i", lock="a" * 64, image_lock="b" * 64))) == 1
    assert declared.environment(subject(image="i", lock="a" * 64, image_lock="a" * 64)) == []


def test_sizes():
    large = subject(code("x", printed("a" * (3 << 20))))

    assert places(declared.size(large, Policy(page_bytes=1 << 20))) == [""]
    assert places(declared.size(large, POLICY), "look") == ["c1 output"]


def test_the_policy_says_what_stops_a_revision():
    severe, look, note = (Finding("", weight, weight, weight) for weight in ("severe", "look", "note"))

    assert judge("secrets", [severe], POLICY).outcome == "failed"
    assert judge("secrets", [severe], Policy(blocks=())).outcome == "warned"
    assert judge("secrets", [look, note], POLICY).outcome == "warned"
    assert judge("secrets", [note], POLICY).outcome == judge("secrets", [], POLICY).outcome == "passed"


def test_findings_are_listed_up_to_a_limit_the_severe_first():
    found = [Finding(str(number), "look", "看") for number in range(80)] + [Finding("last", "severe", "重", "severe")]

    listed = judge("secrets", found, POLICY).found

    assert len(listed) == MOST_FOUND + 1 and listed[0]["where"] == "last" and "31" in listed[-1]["text"]


def test_every_check_answers_and_one_that_breaks_fails_alone(monkeypatch):
    def broken(_subject, _policy):
        raise RuntimeError("secret content")

    monkeypatch.setitem(__import__("regional_hub.showcase.checks.everything", fromlist=["x"]).CHECKS, "size", broken)
    results = list(examine(subject(licence="MIT"), POLICY))

    assert [result.name for result in results] == list(NAMES[1:])
    assert results[-1].outcome == "failed" and "secret content" not in str(results[-1])
    assert {one.outcome for one in results[:-1]} <= {"passed", "warned"}


# -- what is shown -----------------------------------------------------------------------------------------------------


def test_of_a_run_only_outputs_are_taken():
    sent = read(notebook_bytes(code("honest()"), v4.new_markdown_cell("# Title")))
    left = notebook_bytes(code("other()", printed("2")), v4.new_markdown_cell("# <script>"), code("more()"))

    made = built.merge(sent, left, Limits())

    assert [cell["source"] for cell in made["cells"]] == ["honest()", "# Title"]
    assert made["cells"][0]["outputs"][0]["text"] == "2"


@pytest.mark.parametrize(
    "left", [b"", b"{}", b"[" * 100_000, json.dumps({"nbformat": 4, "nbformat_minor": 5, "cells": 3}).encode()]
)
def test_what_is_no_notebook_is_not_taken(left):
    with pytest.raises(BundleError):
        built.merge(read(notebook_bytes()), left, Limits())
