"""As `quick_settings`, with a planner that asks for blue, whatever is asked."""

from gallery.retrieval.plan import Plan, plan
from gallery.retrieval.request import SearchRequest
from gallery.retrieval.tree import Text
from tests.quick_settings import *  # noqa: F403


def plan_for_blue(_request: SearchRequest) -> Plan:
    return plan(Text("blue"))


SearchRequest.plan = plan_for_blue
