"""What a URL keeps secret is in no repr and in no error."""

import pickle
import socket

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rxagent.errors import ModelError
from rxagent.models import InferenceClientModel, OpenAIModel
from rxagent.models.errors import ErrorFactory
from rxagent.models.urls import shown_url

SECRET = "open-sesame"


@given(
    st.text("abc:%2F._~-", max_size=8),
    st.sampled_from(["key", "api_key", "access_token", "X-Amz-Signature"]),
    st.text("abc%2F._~-", min_size=1, max_size=8),
)
@example("", "key", "a")
def test_what_is_left_out(user, name, key):
    """The user, the password and the keys; all else is kept."""
    text = f"at <https://{user}@host:8080/@a/b?x=1&{name}={key}&y=2#c> and a@b.example"

    expected = f"at <https://host:8080/@a/b?x=1&{name}=[secret]&y=2#c> and a@b.example"
    assert expected == shown_url(text) == shown_url(expected)


@pytest.mark.parametrize("url", [f"me:{SECRET}@HOST/v1", f"{SECRET}@HOST", f"HOST/v1?key={SECRET}"])
def test_an_endpoint_with_a_password(url):
    """The name of Hugging Face's model is its URL, in each error too; pickled it has all of it."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{unused.getsockname()[1]}"
        model = InferenceClientModel("http://" + url.replace("HOST", host), token="hf_any")

        with pytest.raises(ModelError) as caught:
            model("Hi").run()

    assert SECRET not in repr(model)
    assert SECRET not in f"{caught.value} {vars(caught.value)}"
    assert host in repr(model)
    assert host in str(caught.value)
    assert model.model_id == pickle.loads(pickle.dumps(model)).model_id


def test_no_url_in_what_a_client_says():
    """An SDK's error may quote the address with all that is in it."""
    errors = ErrorFactory("hf", "m")
    text = f"404 for https://me:{SECRET}@host/v1"
    for error in (
        errors.reported(text, 404),
        errors.rejected(text),
        errors.unavailable("failed", ValueError(text)),
        errors.malformed("nonsense", text),
    ):
        assert SECRET not in str(error)


def test_an_address_that_is_no_url():
    """The error has it without its password."""
    with pytest.raises(ValueError, match="not 'ftp://host'") as caught:
        OpenAIModel("m", api_base=f"ftp://me:{SECRET}@host")
    assert SECRET not in str(caught.value)
