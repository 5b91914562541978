"""Four readers and two writers on one library: every answer is that of some committed state, in float64.

Thousands of answers: `python -m tests.crash.soak 5000`.
"""

ANSWERS = 500


def test_every_answer_is_that_of_a_committed_state(report_of):
    report = report_of("soak", ANSWERS)

    assert report["failed"] == []
    assert (report["wrong"], report["first_wrong"]) == (0, [])
    assert report["problems"] == []
    assert report["answers"] >= ANSWERS
    assert min(report["answers_while_it_changed"], report["versions"]) >= ANSWERS // 10
