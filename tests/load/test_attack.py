"""The attack, bounded: slow connections, uploads and bombs at once, while people look and search."""

import pytest

from tests.asynchronous import run_async
from tests.waiting import until

from .attack import probes_of, target_of
from .loads import loaded_with
from .pictures import small_picture
from .probing import probed, statuses
from .site import loaded_site

pytestmark = pytest.mark.slow

ATTACK = {"slow_connections": 200, "uploads": 8, "files": 5, "bombs": 8, "smaller_bombs": 4}


@pytest.fixture(scope="module")
def attacked(tmp_path_factory):
    """Return what was answered meanwhile, what the attackers were answered, and what the site was afterwards."""
    pictures = [small_picture(number) for number in range(6)]
    folder = tmp_path_factory.mktemp("attacked")
    settings = {"DJANGO_SETTINGS_MODULE": "tests.quick_settings"}
    with loaded_site(folder, pictures, members=10, settings=settings) as site:
        with loaded_with("attack", target_of(site, **ATTACK)) as reports:
            answers = run_async(probed(site.port, probes_of(site), seconds=10))
        assert until(site.is_alive, "the site answers after the attack")
        until(lambda: not site.states()["pending"], "nothing waits after the attack")
        yield answers, reports[0].counts, site.states()


def test_attack_leaves_health_checks_answered(attacked):
    answers, _counts, _states = attacked

    assert set(statuses(answers["health"])) == {"200"}


def test_attack_leaves_searches_and_pages_answered(attacked):
    answers, _counts, _states = attacked

    assert set(statuses(answers["text_search"])) == {"200"}
    assert set(statuses(answers["page"])) == {"200"}


def test_attack_is_told_when_to_come_again(attacked):
    _answers, counts, _states = attacked

    assert [name for name in counts if name.endswith("without Retry-After")] == []


def test_attack_leaves_nobody_without_an_answer(attacked):
    _answers, counts, _states = attacked

    assert [name for name in counts if name.endswith("unanswered")] == []


def test_attack_fails_no_picture_of_others(attacked):
    _answers, _counts, states = attacked

    assert states["failed"] == 0
