"""A stock client or server of the bidirectional stream: bidi.py client|server host:port"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent / "app"))

role, address = sys.argv[1:]
if role == "client":
    from flwr.client import start_client
    from interop.apps import Halving

    start_client(server_address=address, client=Halving().to_client(), insecure=True)
else:
    from flwr.server import ServerConfig, start_server
    from flwr.server.strategy import FedAvg

    history = start_server(
        server_address=address,
        config=ServerConfig(num_rounds=3),
        strategy=FedAvg(min_fit_clients=2, min_evaluate_clients=2, min_available_clients=2),
    )
    assert len(history.losses_distributed) == 3, history
