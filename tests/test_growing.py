"""Growing values: every state stays what it was, whatever grows out of it."""

import copy
import gc
import pickle
import sys
import threading
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent.growing import ListView, MapView

from .meanwhile import meanwhile

KEYS = st.sampled_from("abc")
CHANGES = st.lists(st.tuples(st.integers(0, 30), KEYS, st.none() | st.integers()), max_size=40)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers()), max_size=60))
def test_lists_grow_from_any_state(steps):
    """Whichever of the views so far grows, each of them has exactly what it had."""
    views, twins = [ListView()], [()]
    for origin, item in steps:
        origin %= len(views)
        views.append(views[origin].add(item))
        twins.append((*twins[origin], item))

    assert twins == [tuple(view) for view in views]
    assert list(map(len, twins)) == list(map(len, views))


@given(CHANGES)
def test_mappings_change_from_any_state(changes):
    """Whichever of the views so far is changed, each of them is the dict that it was."""
    views, twins = [MapView()], [{}]
    for origin, key, value in changes:
        origin %= len(views)
        view, twin = views[origin], dict(twins[origin])
        if value is None:
            views.append(view.drop(key))
            twin.pop(key, None)
        else:
            views.append(view.set(key, value))
            twin[key] = value
        twins.append(twin)

    for twin, view in zip(twins, views, strict=True):
        assert (twin, len(twin)) == (dict(view), len(view))
        assert [twin.get(key) for key in "abc"] == [view.get(key) for key in "abc"]
        assert view == twin == pickle.loads(pickle.dumps(view)) == copy.deepcopy(view)


@pytest.mark.parametrize("act", ["the same view", "the next view"])
def test_two_threads_may_change_one_state(act):
    """Wherever one change is interrupted by another, both results are right."""
    step = 0
    while True:
        step += 1
        base, other = MapView({"a": 1}), []
        rival = base if act == "the same view" else base.set("x", 0)
        mine = []
        if not meanwhile(
            lambda b=base, m=mine: m.append(b.set("b", 2)),
            step,
            lambda r=rival, o=other: o.append(r.set("c", 3)),
        ):
            break
        assert {"a": 1, "b": 2} == dict(mine[0])
        assert {**dict(rival), "c": 3} == dict(other[0])
        assert {"a": 1} == dict(base)
    assert step > 10


def test_many_threads_may_change_one_state():
    """Eight threads that grow out of one view at once get each their own."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(200):
            base, out, ready = ListView([0]), {}, threading.Barrier(8)

            def grow(number, base=base, out=out, ready=ready):
                ready.wait(60)
                out[number] = tuple(base.add(number).add(number))

            threads = [threading.Thread(target=grow, args=(number,)) for number in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(60)
            assert {number: (0, number, number) for number in range(8)} == out
    finally:
        sys.setswitchinterval(interval)


@pytest.mark.parametrize("empty", [ListView(), MapView()], ids=["list", "map"])
def test_an_empty_view_keeps_nothing_of_what_grows_from_it(empty):
    """A default that all states share does not hold the items of the first one."""

    class Item:
        """A value that can be watched."""

    item = Item()
    watched = weakref.ref(item)
    grown = empty.add(item) if isinstance(empty, ListView) else empty.set("a", item)
    assert 1 == len(grown)
    del item, grown
    gc.collect()

    assert watched() is None


def test_a_list_is_read_like_a_tuple():
    """Indexes, slices and comparisons are those of a tuple."""
    view = ListView("ab").add("c")

    assert ("c", "a", ("b", "c")) == (view[-1], view[0], view[1:])
    assert (ListView("abc"), hash(ListView("abc"))) == (view, hash(view))
    with pytest.raises(IndexError):
        ListView("ab")[2]
