"""Turns the dashboards into the contents of files."""

import json
from typing import Final

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from tools.dashboards.bridge import bridge
from tools.dashboards.connects import connects
from tools.dashboards.identity_outage import identity_outage
from tools.dashboards.session_events import session_events

DASHBOARDS: Final = (connects, identity_outage, session_events, bridge)


def rendered() -> dict[str, str]:
    """The content of each file, by file name. The name is the dashboard's uid without `realtime-`, plus `.json`."""
    made = [build().build() for build in DASHBOARDS]
    return {
        f"{(each.uid or '').removeprefix('realtime-')}.json": json.dumps(
            each, cls=JSONEncoder, indent=2, sort_keys=True
        )
        + "\n"
        for each in made
    }
