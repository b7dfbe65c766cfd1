"""Loading: once, whatever happens at the same time."""

import threading

import pytest

from rxagent.models.local.loading import Loading


def test_threads_share_what_is_loaded():
    """Several threads that need a value at once get the same, loaded once."""
    begin = threading.Barrier(4)
    loaded, got = [], []

    def load():
        loaded.append(object())
        return loaded[-1]

    loading = Loading(load)

    def need():
        begin.wait(60)
        got.append(loading.get(lambda: False))

    threads = [threading.Thread(target=need) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert loaded * 4 == got
    assert 1 == len(loaded)


def test_a_wait_can_be_cancelled():
    """A thread that waits for another one's load leaves when it is cancelled."""
    may_end, has_begun = threading.Event(), threading.Event()

    def load():
        has_begun.set()
        may_end.wait(60)
        return "loaded"

    loading = Loading(load)
    loads = threading.Thread(target=loading.get, args=[lambda: False])
    loads.start()
    has_begun.wait(60)

    assert loading.get(lambda: True) is None
    may_end.set()
    loads.join()
    assert "loaded" == loading.get(lambda: True)


def test_a_failed_load_is_tried_again():
    """An error reaches the one who needed the value, and the next one loads again."""
    results = [OSError("gone"), "loaded"]

    def load():
        result = results.pop(0)
        if isinstance(result, Exception):
            raise result
        return result

    loading = Loading(load)

    with pytest.raises(OSError, match="gone"):
        loading.get(lambda: False)
    assert "loaded" == loading.get(lambda: False)
