"""The apps of a run as Flower had them before its Message API."""

from flwr.client import ClientApp
from flwr.server import ServerApp, ServerAppComponents, ServerConfig
from flwr.server.strategy import FedAvg
from interop.halving import Halving

client = ClientApp(client_fn=lambda context: Halving().to_client())
server = ServerApp(
    server_fn=lambda context: ServerAppComponents(
        config=ServerConfig(num_rounds=3),
        strategy=FedAvg(min_fit_clients=2, min_evaluate_clients=2, min_available_clients=2),
    )
)
