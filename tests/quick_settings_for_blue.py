"""As `quick_settings`, with a planner that asks for blue, whatever is asked."""

from gallery.retrieval import plan as planning
from tests.quick_settings import *  # noqa: F403

_plan = planning.plan


def plan_for_blue(request: planning.SearchRequest) -> planning.Plan:
    from gallery.retrieval.tree import Text

    return _plan(planning.SearchRequest(Text("blue"), request.top))


planning.plan = plan_for_blue
