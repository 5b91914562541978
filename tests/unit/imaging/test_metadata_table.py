import pytest

from tests.metadata_table import TABLE, table


@pytest.mark.odd_files
def test_table_of_dates_and_words_is_that_of_today(odd_files):
    written = table(odd_files)

    assert written in TABLE.read_text(), "python -m tests.metadata_table writes it anew"
    assert "OTHER" not in written
