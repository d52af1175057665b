"""The one converter between datetimes and protobuf timestamps."""

from datetime import UTC, datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp

from libs.common.errors import InvalidRequest

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def timestamp(moment: datetime) -> Timestamp:
    """A UTC-aware datetime as a protobuf timestamp."""
    stamp = Timestamp()
    write_time(stamp, moment)
    return stamp


def write_time(stamp: Timestamp, moment: datetime) -> None:
    """Write a UTC-aware datetime into a timestamp in its place: one that is handed over is copied."""
    since = moment - _EPOCH
    stamp.seconds, stamp.nanos = since.days * 86_400 + since.seconds, since.microseconds * 1000


def optional_timestamp(moment: datetime | None) -> Timestamp | None:
    """A datetime as a protobuf timestamp, if there is one."""
    return None if moment is None else timestamp(moment)


def moment(stamp: Timestamp) -> datetime:
    """A protobuf timestamp as a UTC-aware datetime, in milliseconds; refused beyond the years 1 to 9999."""
    try:
        return _EPOCH + timedelta(0, stamp.seconds, stamp.nanos // 1_000_000 * 1000)
    except OverflowError:
        raise InvalidRequest(time=f"{stamp.seconds} s since 1970 is no time of ours") from None
