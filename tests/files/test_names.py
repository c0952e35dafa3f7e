"""Names of files: safe to show, to store beside and to send."""

import pytest

from chat_app.files.names import clean_name, content_disposition, with_extension


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("report.pdf", "report.pdf"),
        ("", "file"),
        ("...", "file"),
        (" . ", "file"),
        ("\u200b\n\t", "file"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Windows\\win.ini", "win.ini"),
        ("folder/", "file"),
        ("a\x00b\r\nc.txt", "abc.txt"),
        ("gpj.\u202eexe.txt", "gpj.exe.txt"),
        ("cafe\u0301.txt", "caf\u00e9.txt"),
        ("trailing.txt. . ", "trailing.txt"),
        ('say "hi".txt', 'say "hi".txt'),
        ("👩\u200d💻.png", "👩\u200d💻.png"),
        ("\ud800x.txt", "x.txt"),
        ("\u200d", "file"),
        ("\u3164", "file"),
        ("\u2060.\u00ad", "file"),
        ("\u0301\u0301", "file"),
        ("a\U000e0041.txt", "a.txt"),
        pytest.param("q" + "\u0323" * 150 + ".txt", "q\u0323\u0323\u0323.txt", id="marks"),
        ("नमस्ते.txt", "नमस्ते.txt"),
        ("שָׁלוֹם.txt", "שָׁלוֹם.txt"),
    ],
)
def test_a_name_is_its_last_part_without_what_cannot_be_seen(given: str, name: str) -> None:
    assert clean_name(given) == name


def test_a_long_name_is_shortened_before_its_extension() -> None:
    assert clean_name("x" * 300 + ".tar") == "x" * 196 + ".tar"
    assert clean_name("x" * 300) == "x" * 200
    assert clean_name("x." + "y" * 300) == "x." + "y" * 198


def test_a_converted_file_has_another_extension() -> None:
    assert with_extension("IMG_1.HEIC", "jpg") == "IMG_1.jpg"
    assert len(with_extension("x" * 195 + ".heic", "jpg")) == 199


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("a b.txt", 'attachment; filename="a b.txt"'),
        ('"x".txt', "attachment; filename=\"_x_.txt\"; filename*=UTF-8''%22x%22.txt"),
        ("100%.txt", "attachment; filename=\"100_.txt\"; filename*=UTF-8''100%25.txt"),
        ("Ä.txt", "attachment; filename=\"_.txt\"; filename*=UTF-8''%C3%84.txt"),
    ],
)
def test_a_download_carries_its_name_for_old_and_new_programs(name: str, header: str) -> None:
    assert content_disposition(name, inline=False) == header
    assert content_disposition(name, inline=True) == header.replace("attachment", "inline")
