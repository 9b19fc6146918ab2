"""Proofs in several threads are those of one: letters keep their numbers, and errors stay with whom they concern."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

import faverify as fv
from faverify.errors import Undecidable
from faverify.kernel import words
from faverify.kernel.carriers import watch

L, R = fv.laws, fv.rules


def test_letters_of_many_threads_have_numbers_of_their_own():
    names = [[f"thread{k}letter{j}" for j in range(400)] for k in range(8)]
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda own: [words.letter_number(name) for name in own], names))
    flat = [number for own in numbers for number in own]
    assert len(set(flat)) == len(flat)
    assert [words.letter_name(number) for number in flat] == [name for own in names for name in own]


def test_what_another_thread_swallows_is_not_held_against_a_proof():
    """A thread whose proof asks what has no answer, and swallows it, while another watches."""

    def swallowing():
        with pytest.raises(Undecidable), watch(), suppress(Undecidable):
            raise Undecidable("which layer this is")

    beside = threading.Thread(target=swallowing)
    with watch():  # raises at its end what was swallowed inside
        beside.start()
        beside.join(0.3)
    beside.join()


def test_a_watch_may_stand_in_another():
    with watch(), watch():
        assert fv.check(L.feedback_balance, R.FeedbackAlignment()).kind == "proved"
