from gallery.text.word_lists import COMMON, common_words, is_english, is_foreign


def test_word_lists_know_british_and_american_words():
    assert all(map(is_english, ["dog", "colour", "color", "harbour", "harbor", "theatre", "theater", "dachshund"]))


def test_word_lists_tell_other_languages_apart():
    assert [is_foreign(word) for word in ("katze", "perro", "dog", "dgo")] == [True, True, False, False]


def test_word_lists_take_whole_words_only():
    assert not is_english("og\ndo")
    assert not is_english("")


def test_word_lists_begin_with_the_commonest():
    assert len(common_words()) == COMMON
    assert common_words()[0] == "the"
