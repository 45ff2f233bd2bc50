"""A client that halves every array, and a server app that trains two clients for three rounds."""

import numpy
from flwr.client import ClientApp, NumPyClient
from flwr.server import ServerApp, ServerAppComponents, ServerConfig
from flwr.server.strategy import FedAvg


class Halving(NumPyClient):
    def get_parameters(self, config):
        shapes = [(32, 784), (32,), (32, 32), (32,), (10, 32), (10,)]
        return [numpy.full(shape, 0.01, numpy.float32) for shape in shapes]

    def fit(self, parameters, config):
        return [array * array.dtype.type(0.5) for array in parameters], 100, {"train_loss": 1.0}

    def evaluate(self, parameters, config):
        return 1.0, 100, {"accuracy": 0.5}


client = ClientApp(client_fn=lambda context: Halving().to_client())
server = ServerApp(
    server_fn=lambda context: ServerAppComponents(
        config=ServerConfig(num_rounds=3),
        strategy=FedAvg(min_fit_clients=2, min_evaluate_clients=2, min_available_clients=2),
    )
)
