"""A guard: a second model reads the answer and cuts it off if it objects."""

from operator import attrgetter

import reactivex as rx
from reactivex import operators as rxo

from rxagent import Request
from rxagent import operators as ops
from rxagent.events import Finish
from rxagent.models import as_model

CUT = Finish("content_filter")
text_of = rxo.map(attrgetter("text"))


def guarded(model, moderator):
    """Return a model whose answers are cut off when a moderator objects to them."""
    model, moderator = as_model(model), as_model(moderator)

    def objections(deltas):
        texts = deltas.pipe(ops.accumulate(), text_of)
        sentences = texts.pipe(rxo.filter(ends_a_sentence))
        return rx.merge(sentences, texts.pipe(rxo.take_last(1), rxo.filter(bool))).pipe(
            rxo.distinct_until_changed(),
            rxo.flat_map(verdict),
            rxo.filter(lambda verdict: verdict.startswith("unsafe")),
            rxo.map(lambda _: CUT),
        )

    def verdict(text):
        request = Request.of(f"Answer `safe` or `unsafe`:\n{text}")
        return moderator(request).pipe(ops.accumulate(partial=False), text_of)

    def answer(request):
        return model(request).pipe(
            rxo.publish(lambda deltas: rx.merge(objections(deltas), deltas)),
            rxo.take_while(lambda delta: delta is not CUT, inclusive=True),
        )

    return answer


def ends_a_sentence(text):
    """Return whether a text ends with a whole sentence."""
    return text.endswith((".", "!", "?"))
