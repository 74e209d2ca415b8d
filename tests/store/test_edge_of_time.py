"""A time that no calendar in UTC has is refused in words, wherever somebody asks with one."""

from typing import Any

import pytest

from posture_agent.master.consoles.queries import Queries
from posture_agent.master.consoles.requests import Requests
from posture_shared.exits import Exit, Stop
from posture_shared.messages.console import Query
from support.opened_store import Store


@pytest.mark.parametrize("since", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
async def test_results_since_the_edge_of_time_are_a_usage_error(store: Store, since: str) -> None:
    queries: Any = Queries(store.reads)
    requests = Requests(queries=queries.handlers(), commands={}, audit=None)  # type: ignore[arg-type]
    with pytest.raises(
        Stop, match=rf"query 'results': the time {since[:4]}.* is outside the years 1 to 9999"
    ) as refused:
        await requests._query(Query(id="q1", what="results", args={"since": since}))
    queries.close()
    assert refused.value.code == Exit.USAGE
