"""Identifiers: of what, when, and never twice."""

import re
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

from libs.common.ids import new_id


def test_an_id_says_of_what_it_is_and_is_a_uuid_of_version_seven() -> None:
    prefix, _, number = new_id("mem").partition("_")

    assert prefix == "mem"
    assert re.fullmatch("[0-9a-f]{32}", number)
    assert uuid.UUID(number).version == 7


def test_an_id_begins_with_the_time_at_which_it_was_made() -> None:
    before = time.time_ns() // 1_000_000

    made = uuid.UUID(new_id("mem").partition("_")[2]).int >> 80

    assert before <= made <= time.time_ns() // 1_000_000


def test_ids_of_one_process_sort_in_the_order_in_which_they_were_made() -> None:
    ids = [new_id("out") for _ in range(10_000)]

    assert ids == sorted(ids)


def test_ids_made_at_once_differ() -> None:
    with ThreadPoolExecutor(8) as threads:
        ids = list(threads.map(new_id, ["evt"] * 20_000))

    assert len(set(ids)) == len(ids)
