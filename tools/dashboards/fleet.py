"""Queries about the state of several processes. docs/fleet.md explains which processes share fallback tickets."""

from typing import Final

from tools.dashboards.promql import metric

# A pool that was not loaded counts as 0 tickets. A process whose pool is disabled is left out.
DISABLED: Final = metric("realtime_fallback_pool_status", 'status="disabled"')
SIZE: Final = f"({metric('realtime_fallback_pool_size')} unless on (job, instance) ({DISABLED} == 1))"
CONSUMED: Final = metric("realtime_centrifugo_connect_total", 'outcome="fallback_pool_consumed"')
USED: Final = f"sum by (job, instance) (rate({CONSUMED}[$__rate_interval]))"
# The processes whose store of claims has answered or failed at least once. Before that, and without a store, the gauge
# is NaN, so that the comparison is false.
CLAIMING: Final = f"on (job, instance) ({metric('realtime_fallback_claims_up')} >= 0)"

LEFT: Final = f"sum (({SIZE} unless {CLAIMING}) or max by (job) ({SIZE} and {CLAIMING}))"
"""Tickets left in total. Processes with claims share their tickets; each other process has its own tickets."""

BELOW_WATERMARK: Final = f"sum ({SIZE} < bool {metric('realtime_fallback_pool_low_watermark')})"
"""Processes with fewer tickets left than FALLBACK_LOW_WATERMARK. Processes without a pool are not counted."""

_OWN: Final = f"{SIZE} / on (job, instance) ({USED} > 0) unless {CLAIMING}"
_SHARED: Final = f"({SIZE} and {CLAIMING}) / on (job) group_left () (sum by (job) ({USED} and {CLAIMING}) > 0)"
_LOADED: Final = metric("realtime_fallback_pool_status", 'status="loaded"')
_USED_UP: Final = f"({SIZE} and on (job, instance) ({_LOADED} == 1)) == 0"
EMPTY_IN: Final = f"max by (instance) (({_OWN}) or ({_SHARED}) or ({_USED_UP}))"
"""Seconds until each process with a loaded pool has no tickets left; 0 if it has none now. A process has no series
while tickets are left but none are used.
"""

_DEGRADED: Final = metric("realtime_identity_outage_degraded")
_RECOVERING: Final = metric("realtime_identity_outage_recovering")
_FAILURES: Final = metric("realtime_identity_outage_consecutive_failures")

OUTAGE: Final = f"max by (instance) (3 * ({_DEGRADED} == 1) or 2 * ({_RECOVERING} == 1) or ({_FAILURES} > bool 0))"
"""0 healthy, 1 failing, 2 recovering, 3 degraded."""
