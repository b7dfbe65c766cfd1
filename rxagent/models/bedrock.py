"""Amazon Bedrock: the models of many vendors, through its Converse protocol."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from decimal import Decimal
from typing import Any, ClassVar
from urllib.parse import urlsplit

from attrs import evolve

from ..errors import ModelError, describe
from ..messages import Request
from .clients import shared
from .converse.client import BedrockClient, body_of, connect, pieces_of
from .converse.failures import error_of_reply
from .converse.messages import vendor_of
from .converse.reply import ConverseReply
from .converse.request import converse_call
from .converse.signing import environment, make_client
from .errors import ErrorFactory
from .options import origin_of
from .own_tags import tags_of
from .provider import Provider
from .remote import RemoteModel

__all__ = ["PROVIDER", "AmazonBedrockModel"]

_OF_AMAZON = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")

_SETTING_UP = (
    "Run `aws configure`, or set AWS_BEARER_TOKEN_BEDROCK, or AWS_ACCESS_KEY_ID and "
    "AWS_SECRET_ACCESS_KEY, and AWS_DEFAULT_REGION; or pass client_kwargs={...}."
)


def list_models(timeout: float) -> tuple[str, list[str]]:
    """Return the address of Bedrock, and the ids of its models and inference profiles.

    Args:
        timeout: The longest silence in seconds.
    """
    try:
        from botocore.config import Config
    except ImportError as error:
        raise PROVIDER.missing(error) from error
    config = Config(connect_timeout=timeout, read_timeout=timeout, retries={"max_attempts": 0})
    client = make_client("bedrock", {"config": config})
    try:
        models = client.list_foundation_models(byOutputModality="TEXT")["modelSummaries"]
        profiles = client.list_inference_profiles(maxResults=1000)["inferenceProfileSummaries"]
    finally:
        client.close()
    names = [model["modelId"] for model in models]
    return client.meta.endpoint_url, names + [one["inferenceProfileId"] for one in profiles]


PROVIDER = Provider(
    prefix="bedrock",
    model=f"{__name__}:AmazonBedrockModel",
    sdk="AWS's SDK",
    extra="bedrock",
    requires="rxagent[bedrock]",
    modules=("boto3",),
    docs="https://docs.aws.amazon.com/bedrock/latest/userguide/models-supported.html",
    key_variable="AWS_BEARER_TOKEN_BEDROCK",
    url_variable="AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
    list_models=list_models,
)


class AmazonBedrockModel(RemoteModel):
    """A model that Amazon Bedrock serves.

    boto3 finds credentials, region and endpoint as always: in `client_kwargs`, the environment,
    the files of the AWS command line, or the machine's role. boto3 checks and signs a request,
    and aiohttp sends it, so that disposing closes the connection at once. Retries are left to the
    operator `retry`.

    Args:
        model_id: The id of a model or of an inference profile, or an ARN.
        client: A client of boto3 for `bedrock-runtime`, which is left open.
        client_kwargs: The arguments of boto3's client instead: `region_name`, `endpoint_url`,
            `aws_access_key_id`, `config`, and `profile_name`.
        stream: Whether the server streams its reply; the deltas are the same.
        options: Passed to boto3's `converse_stream` with each request: `inferenceConfig`,
            `guardrailConfig`, `additionalModelRequestFields`, anything. `max_tokens`,
            `temperature` and `top_p` are parts of `inferenceConfig`. Options of a request replace
            them, and None removes one. `timeout` is the longest silence in seconds.
    """

    _declaration: ClassVar[Provider] = PROVIDER
    _held: ClassVar[Mapping[str, str]] = {**RemoteModel._held, "_given": "its client"}
    _other_types: ClassVar[tuple[type, ...]] = (bytes, bytearray, Decimal)

    def __init__(
        self,
        model_id: str,
        *,
        client: Any = None,
        client_kwargs: Mapping[str, Any] | None = None,
        stream: bool = True,
        **options: Any,
    ) -> None:
        if client is not None and client_kwargs:
            raise TypeError("A model takes a client or client_kwargs, not both.")
        super().__init__(model_id, client_kwargs=client_kwargs, stream=stream, options=options)
        self._given = client

    def _client(self) -> AbstractAsyncContextManager[BedrockClient]:
        settings = self._given, self._client_kwargs, None if self._given else environment()

        def make() -> BedrockClient:
            try:
                return connect(self._given, self._client_kwargs)
            except ImportError as error:
                raise PROVIDER.missing(error) from error

        return shared(settings, make, BedrockClient.close)

    async def _send(
        self,
        client: BedrockClient,
        request: Request,
        errors: ErrorFactory,
        opened: AsyncExitStack,
        sent: Callable[[], None],
    ) -> tuple[AsyncIterator[bytes], ConverseReply]:
        origin = _origin(client.url)
        options = self._options, request.options
        call = converse_call(self.model_id, request, options, origin, errors)
        silence = call.pop("timeout", None)
        signed = await client.sign("converse_stream" if self._stream else "converse", call)
        sent()
        response = await client.send(signed, silence)
        opened.callback(response.close)
        errors = evolve(errors, headers=response.headers)
        if response.status >= 300:
            body = await body_of(response)
            raise error_of_reply(errors, response.status, response.headers, body)
        vendor, tags = vendor_of(self.model_id), tags_of(self.model_id)
        reply = ConverseReply(errors, origin, vendor, tags)
        return pieces_of(response), reply

    def _error_of(self, errors: ErrorFactory, error: Exception) -> ModelError:
        """Return what an error of botocore, or of aiohttp, means."""
        import aiohttp

        match error:
            case aiohttp.ClientConnectorError():
                return errors.lost(f"could not be reached at {error.host}:{error.port}", error)
            case aiohttp.ClientResponseError():
                return errors.lost("sent what is not HTTP", error)
            case aiohttp.ClientError() | ConnectionError() | TimeoutError():
                return errors.lost("could not be reached", error)
        return _of_botocore(errors, error)


def _of_botocore(errors: ErrorFactory, error: Exception) -> ModelError:
    """Return what an error means that comes before a request is sent."""
    from botocore import exceptions

    match error:
        case exceptions.ClientError():  # of the service that gives the credentials
            said = error.response.get("Error", {})
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            return errors.reported({"type": said.get("Code"), "message": str(error)}, status)
        case exceptions.HTTPClientError() | exceptions.ConnectionError():
            return errors.lost("cannot be called, as its credentials cannot be fetched", error)
        case exceptions.ParamValidationError():
            report = " ".join(str(error).split())
            return errors.rejected(f"cannot be sent this request. {report}")
        case (
            exceptions.NoCredentialsError()
            | exceptions.NoRegionError()
            | exceptions.PartialCredentialsError()
            | exceptions.ProfileNotFound()
            | exceptions.NoAuthTokenError()
        ):
            return errors.rejected(f"cannot be called. {str(error).rstrip('.')}. {_SETTING_UP}")
    said = str(error) if isinstance(error, exceptions.BotoCoreError) else describe(error)
    return errors.rejected(f"cannot be called by boto3: {said}")


def _origin(url: str) -> str:
    """Return the origin of a server's answers; Bedrock has a server for each region."""
    host = urlsplit(url).hostname or ""
    return PROVIDER.prefix if host.endswith(_OF_AMAZON) else origin_of(PROVIDER.prefix, url, "")
