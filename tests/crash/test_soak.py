"""Four readers and two writers on one library: every answer is that of some committed state, in float64."""

import pytest


@pytest.mark.parametrize("answers", [500, pytest.param(5_000, marks=pytest.mark.slow)])
def test_every_answer_is_that_of_a_committed_state(report_of, answers):
    report = report_of("soak", answers)

    assert report["failed"] == []
    assert (report["wrong"], report["first_wrong"]) == (0, [])
    assert report["problems"] == []
    assert report["answers"] >= answers
    assert min(report["answers_while_it_changed"], report["versions"]) >= answers // 10
