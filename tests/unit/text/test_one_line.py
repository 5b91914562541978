import pytest

from gallery.text.one_line import one_line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb\r\nc", r"a\nb\r\nc"),
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("\x9b2Jgone\x85", r"\x9b2Jgone\x85"),
        ("a\u2028b\u2029c", r"a\u2028b\u2029c"),
        ("gnp.\u202eexe", r"gnp.\u202eexe"),
        ("half \ud83d", r"half \ud83d"),
        ("猫 and\ta 👨\u200d👩\u200d👧", "猫 and\ta 👨\u200d👩\u200d👧"),
        ("می\u200cخواهم", "می\u200cخواهم"),
    ],
)
def test_one_line_escapes_what_ends_lines_or_commands_terminals_and_nothing_else(text, shown):
    assert one_line(text) == shown
