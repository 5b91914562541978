from gallery.retrieval.understanding import Understanding, understand

KNOWN = frozenset({"dog", "cat"})


def test_understanding_of_right_words_is_the_words():
    assert understand("a dog", known=KNOWN) == Understanding("a dog")


def test_understanding_searches_for_the_known_word_that_is_meant():
    assert understand("a dgo", known=KNOWN) == Understanding("a dog", "a dog", is_applied=True)


def test_understanding_only_suggests_what_the_encoder_does_not_know():
    assert understand("a dgo") == Understanding("a dgo", "a dog")


def test_understanding_takes_words_as_they_were_typed_where_that_is_wanted():
    assert understand("a dgo 貓", known=KNOWN, as_typed=True) == Understanding("a dgo 猫", "a dog 貓")


def test_understanding_suggests_in_the_characters_that_were_typed():
    assert understand("dgo 🐈", known=KNOWN) == Understanding("dog cat", "dog 🐈", is_applied=True)


def test_understanding_takes_traditional_characters_without_a_word():
    assert understand("貓") == Understanding("猫")
