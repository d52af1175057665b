"""The audit log as the sequencer sees it."""

from libs.common.chains.sequencer import Chained
from libs.common.telemetry import AUDIT_UNSEQUENCED, AUDIT_UNSEQUENCED_AGE_SECONDS

AUDIT = Chained(
    chain="",
    records="audit",
    heads="audit_heads",
    digest="digest",
    waiting_count=AUDIT_UNSEQUENCED,
    waiting_seconds=AUDIT_UNSEQUENCED_AGE_SECONDS,
)
