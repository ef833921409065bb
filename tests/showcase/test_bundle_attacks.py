"""Zips that an attacker would send: each is refused, and nothing of it is kept."""

import io
import stat
import struct
import zipfile

import pytest

from regional_hub.showcase.bundle import BundleError, Limits, open_upload
from tests.showcase.bundles import notebook_bytes, with_mode, zipped

NOTEBOOK = {"a.ipynb": notebook_bytes()}


DEFAULT = Limits()


def refused(upload, limits=DEFAULT):
    with pytest.raises(BundleError) as found, open_upload(upload, limits, entry="a.ipynb"):
        pass
    assert found.value.zh and str(found.value)
    return found.value.code


@pytest.mark.parametrize(
    "name",
    [
        "../evil.txt", "a/../../evil.txt", "/etc/passwd", "//server/share", "C:/windows/x", "c:evil", "a\\..\\evil.txt",
        "..", "a/./b", "a//b", "./x", "x/.", " x", "x ", "x.", "con", "NUL.txt", "aux.csv", "com1", "LPT9.log",
        "a\nb", "\u202etxt.exe", "zero\u200bwidth", "\ufeffbom", "a\u2028b", "／etc/passwd", "．．/evil",
        "‥/evil", "a／b", "․․/evil", "x?.csv", "a*b", 'q"q', "a|b", "x" * 5000, "é" * 120, "/".join("d" * 40),
        "data:stream",
    ],
)  # fmt: skip
def test_names_that_are_not_plain_names_below_the_folder(name):
    assert refused(zipped({**NOTEBOOK, name: b"x"})) in ("bad-name", "bad-zip")


@pytest.mark.parametrize(
    "name",
    [
        ".env", ".git/config", "sub/.ssh/id", ".ipynb_checkpoints/a-checkpoint.ipynb", "id_rsa", "keys/server.key",
        "cert.pem", "prod.env", "my-credentials.json", "AWS_CREDENTIALS", "client_secret_1.json", "passwords.txt",
    ],
)  # fmt: skip
def test_hidden_files_and_keys_are_refused_even_when_somebody_sends_them(name):
    assert refused(zipped({**NOTEBOOK, name: b"x"})) == "bad-name"


def test_a_name_that_ends_at_a_null_byte_for_some_programs():
    made = zipped({**NOTEBOOK, "b.csvX.exe": b"x"}).getvalue().replace(b"b.csvX.exe", b"b.csv\0.exe")

    assert refused(io.BytesIO(made)) == "bad-name"


@pytest.mark.parametrize(
    "pair",
    [
        ("A.csv", "a.csv"),
        ("é.csv", "e\u0301.csv"),
        ("straße.csv", "strasse.csv"),
        ("ﬁ.csv", "fi.csv"),
        ("d", "d/x"),
        ("D/x", "d"),
    ],
)
def test_names_that_are_one_on_some_system(pair):
    assert refused(zipped({**NOTEBOOK, pair[0]: b"1", pair[1]: b"2"})) == "bad-name"


def test_the_same_name_twice():
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive, pytest.warns(UserWarning):
        archive.writestr("a.ipynb", notebook_bytes())
        archive.writestr("a.ipynb", b"other")

    assert refused(made) == "bad-name"


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK])
def test_links_and_special_files(kind):
    assert refused(with_mode("link", b"/etc/passwd", kind | 0o777)) == "not-a-file"


def test_a_zip_bomb_by_its_ratio():
    assert refused(zipped({**NOTEBOOK, "zeros": bytes(10 << 20)})) == "too-large"


def test_more_than_the_limit_in_all():
    files = {f"f{number}": bytes([number]) * 600_000 for number in range(3)}

    assert refused(zipped({**NOTEBOOK, **files}, zipfile.ZIP_STORED), Limits(bundle_bytes=1_500_000)) == "too-large"
    assert refused(zipped({**NOTEBOOK, **files}), Limits(bundle_bytes=1_500_000)) == "too-large"


def test_a_zip_that_lies_about_its_sizes():
    made = zipped({**NOTEBOOK, "big": bytes(range(256)) * 4000}).getvalue()
    place = made.rindex(b"PK\1\2")
    lying = bytearray(made)
    struct.pack_into("<L", lying, place + 24, 10)  # the size unpacked, in the directory
    lying = io.BytesIO(bytes(lying))

    assert refused(lying) == "bad-zip"


def test_entries_that_share_their_bytes_count_each_time():
    with zipfile.ZipFile(made := io.BytesIO(), "w") as archive:
        archive.writestr("a.ipynb", notebook_bytes())
        archive.writestr("big0", bytes(range(256)) * 1000)
        first = archive.getinfo("big0")
        for number in range(1, 40):
            entry = zipfile.ZipInfo(f"big{number}")
            for name in ("header_offset", "compress_size", "file_size", "CRC"):
                setattr(entry, name, getattr(first, name))
            archive.filelist.append(entry)

    assert refused(made, Limits(bundle_bytes=2_000_000)) in ("too-large", "bad-zip")


def test_thousands_of_entries_are_refused_before_they_are_read(monkeypatch):
    upload = zipped({**NOTEBOOK, **{f"f{number}": b"" for number in range(1000)}})
    monkeypatch.setattr(zipfile, "ZipFile", None)

    assert refused(upload, Limits(files=100)) == "too-many-files"


def test_a_few_files_too_many():
    upload = zipped({**NOTEBOOK, **{f"f{number}": b"" for number in range(10)}})

    assert refused(upload, Limits(files=10)) == "too-many-files"


@pytest.mark.parametrize("content", [b"", b"PK", b"hello" * 100, notebook_bytes()])
def test_what_is_no_zip(content):
    assert refused(io.BytesIO(content)) == "bad-zip"


def test_a_zip_that_was_cut_or_changed():
    whole = zipped({**NOTEBOOK, "data.csv": b"1,2,3\n" * 1000}).getvalue()
    changed = bytearray(whole)
    changed[60] ^= 0xFF

    assert refused(io.BytesIO(whole[:-10])) == "bad-zip"
    assert refused(io.BytesIO(whole[len(whole) // 2 :])) == "bad-zip"
    assert refused(io.BytesIO(bytes(changed))) == "bad-zip"


def test_comments_zip64_encryption_and_rare_methods():
    with zipfile.ZipFile(commented := io.BytesIO(), "w") as archive:
        archive.writestr("a.ipynb", notebook_bytes())
        archive.comment = b"PK\5\6" + bytes(18)
    encrypted = bytearray(zipped(NOTEBOOK).getvalue())
    encrypted[encrypted.rindex(b"PK\1\2") + 8] |= 1
    plain = zipped(NOTEBOOK).getvalue()
    locator = b"PK\6\7" + bytes(16)

    assert refused(commented) in ("bad-zip", "no-notebook")  # to Python it is an empty zip
    assert refused(io.BytesIO(bytes(encrypted))) == "bad-zip"
    assert refused(zipped(NOTEBOOK, zipfile.ZIP_LZMA)) == "bad-zip"
    assert refused(zipped(NOTEBOOK, zipfile.ZIP_BZIP2)) == "bad-zip"
    assert refused(io.BytesIO(plain[:-22] + locator + plain[-22:])) == "bad-zip"


def test_folders_in_a_zip_are_no_files():
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.mkdir("sub")
        archive.writestr("sub/a.ipynb", notebook_bytes())

    with open_upload(made, Limits(), entry="sub/a.ipynb") as found:
        assert set(found.files) == {"sub/a.ipynb"}


def test_nothing_stays_in_temporary_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", None)

    refused(zipped({**NOTEBOOK, "x": b"1", "../x": b"2"}))

    assert list(tmp_path.iterdir()) == []
