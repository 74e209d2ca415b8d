"""Settings of the way to Grafana: where decisions of placement are written as annotations."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class GrafanaSettings(BaseModel):
    """Where decisions of placement appear as annotations."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    url: Annotated[str, Field(pattern=r"^(|https?://[^\s]+)$")] = ""
    """Address of Grafana, e.g. http://127.0.0.1:3000; empty: decisions are not written there."""
    token: SecretStr | None = None
    """Token of a service account that may write annotations."""
    tries: Annotated[int, Field(ge=1, le=20)] = 6
    """How often an annotation is tried, with growing pauses (1 s, 2 s, 4 s …), 1-20."""
    timeout_s: Annotated[float, Field(ge=1, le=60)] = 10.0
    """How long Grafana may take to answer, seconds, 1-60."""
