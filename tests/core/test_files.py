"""Files by content: kept once, whole or not at all, and checked when they are read."""

import pytest

from regional_hub.core.files import Damaged, Files, TooLarge


def test_a_content_is_kept_once_and_read_back(tmp_path):
    files = Files(tmp_path)

    one, again = files.put(b"abc"), files.put(iter([b"a", b"bc"]))

    assert one == again and one.size == 3
    assert files.read(one.sha256) == b"abc" and one.sha256 in files
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1


def test_too_much_leaves_nothing(tmp_path):
    with pytest.raises(TooLarge):
        Files(tmp_path).put((b"x" * 10 for _ in range(10)), limit=50)

    assert list(tmp_path.iterdir()) == []


def test_a_changed_or_missing_content_is_noticed(tmp_path):
    files = Files(tmp_path)
    kept = files.put(b"abc")
    files.path(kept.sha256).chmod(0o644)
    files.path(kept.sha256).write_bytes(b"abd")

    with pytest.raises(Damaged, match="changed"):
        files.read(kept.sha256)
    with pytest.raises(Damaged, match="not in"):
        files.read("0" * 64)


@pytest.mark.parametrize("name", ["../../etc/passwd", "a" * 63, "A" * 64, ""])
def test_a_name_is_a_digest_and_no_path(tmp_path, name):
    with pytest.raises(ValueError, match="not a SHA-256"):
        Files(tmp_path).path(name)
