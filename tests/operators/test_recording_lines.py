"""What is no recording is refused when it is opened, with its line, and never while it plays."""

import json

import pytest

from rxagent import operators as ops
from rxagent.errors import RateLimited
from rxagent.wire import MalformedLine

ASKED = '{"v":5,"run":"a","at":1,"request":{"messages":[{"role":"user","text":"hi"}]}}'
SAID = '{"after":0,"event":{"type":"TextDelta","text":"x"}}'
ENDED = '{"after":1,"end":"completed"}'


def failed(error):
    """Return the end of an answer that failed."""
    return f'{{"after":0,"end":"failed","error":{error}}}'


def written(path, lines):
    """Return the path of a file with these lines."""
    path.write_bytes(b"\n".join(lines))
    return path


@pytest.mark.parametrize(
    ("lines", "flaw"),
    [
        ([ASKED, '{"after":0,"event":{"type":"FinalAnswer","value":1}}', ENDED], "FinalAnswer"),
        ([ASKED, '{"after":0,"event":{"type":"Message","role":"user"}}', ENDED], "Message"),
        ([ASKED, '{"after":0,"event":{"type":"Zoo"}}', ENDED], ":2: A model says no Zoo"),
        *(
            ([ASKED, SAID.replace("0", after, 1), ENDED], ":2: `after` should be a number of sec")
            for after in ("Infinity", "-Infinity", "NaN", "1e999", "1e300", "-1", "true", '"1"')
        ),
        ([ASKED, ENDED.replace("1", "Infinity")], ":2: `after` should be"),
        ([ASKED.replace("1,", "NaN,"), ENDED], ":1: `at` should be"),
        ([ASKED.replace("1,", "1" + "0" * 400 + ","), ENDED], ":1: `at` should be"),
        *(
            ([ASKED, failed(error)], ":2: The error of this end should have a type and a mess")
            for error in (
                *("[1]", "null", "5", "{}", '{"type":1,"message":"m"}', '{"message":"m"}'),
                '{"type":"RateLimited","message":"m","retry_after":"x"}',
                '{"type":"RateLimited","message":"m","provider":[]}',
            )
        ),
        ([ASKED, '{"after":0,"end":"failed"}'], ":2: The error of this end should"),
        ([ASKED, "[" * 100_000 + "]" * 100_000], ":2: This line is nested too deeply"),
    ],
)
def test_a_line_that_cannot_be_played(lines, flaw, tmp_path):
    """Each is an error of the file, whatever is wrong with it."""
    path = written(tmp_path / "a.jsonl", [line.encode() for line in lines])

    with pytest.raises(MalformedLine, match=rf"{flaw}.* Record it again with ops\.record\."):
        ops.recorded(path)


def test_bytes_that_are_no_text(tmp_path):
    """The line is named, as for each other flaw."""
    path = written(tmp_path / "a.jsonl", [ASKED.encode(), b'{"after":0,"end":"\xff"}'])

    with pytest.raises(MalformedLine, match=r"a.jsonl:2: This line is not JSON: .*0xff"):
        ops.recorded(path)


def test_an_error_with_its_fields_is_played(tmp_path):
    """A number is a number again."""
    fields = {"type": "RateLimited", "message": "m", "retry_after": 1.5, "provider": "p"}
    path = written(tmp_path / "a.jsonl", [ASKED.encode(), failed(json.dumps(fields)).encode()])

    with pytest.raises(RateLimited, match="m") as caught:
        ops.recorded(path)("hi").run()

    assert (1.5, "p", None) == (
        caught.value.retry_after,
        caught.value.provider,
        caught.value.status,
    )
