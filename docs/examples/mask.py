"""An operator that masks the e-mail addresses in a model's text."""

import re

from reactivex import Observable

from rxagent.events import Finish, StepRetried, TextDelta

ADDRESS = re.compile(r"[\w.+-]+@[\w-]*(?:\.[\w-]+)*")  # matches incomplete addresses, too


def mask(sign="***"):
    """Mask the e-mail addresses in a model's text, even if they are split over several deltas."""

    def masked(source):
        def subscribe(observer, scheduler=None):
            word = ""  # the last word, which may continue in the next delta
            behind = []  # the events after it

            def on_next(delta):
                nonlocal word
                match delta:
                    case TextDelta(text):
                        *words, word = re.split(r"(\s+)", word + text)
                        if words:
                            release("".join(words))
                        return
                    case StepRetried():
                        word = ""
                    case Finish():
                        flush()
                behind.append(delta)
                if not word:
                    release()

            def release(text=""):
                if text:
                    observer.on_next(TextDelta(ADDRESS.sub(sign, text)))
                while behind:
                    observer.on_next(behind.pop(0))

            def flush():
                nonlocal word
                last, word = word, ""
                release(last)

            def on_error(error):
                flush()
                observer.on_error(error)

            def on_completed():
                flush()
                observer.on_completed()

            return source.subscribe(on_next, on_error, on_completed, scheduler=scheduler)

        return Observable(subscribe)

    return masked
