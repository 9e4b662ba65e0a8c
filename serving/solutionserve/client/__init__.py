"""A client for TensorFlow Serving and for solutionserve; it needs neither TFX nor a model's files.

    from solutionserve.client import Client

    with Client("localhost:8500", "customer_churn") as client:
        scores = client.predict(frame)          # a DataFrame in, a DataFrame out

`http://localhost:8501` speaks REST instead of gRPC (and does not import TensorFlow). `AsyncClient` has the
same methods to await. `Shadow` asks a second version too and counts how often it differs.
"""

from solutionserve.client.clients import AsyncClient, Client
from solutionserve.client.messages import ClientError, VersionStatus
from solutionserve.client.shadow import Shadow
from solutionserve.client.transport import ClientTls

__all__ = ["AsyncClient", "Client", "ClientError", "ClientTls", "Shadow", "VersionStatus"]
