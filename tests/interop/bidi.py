"""A stock client or server of the bidirectional stream: bidi.py client|server host:port [options]"""

import argparse
import pathlib
import sys

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).parent / "app"))
from interop.halving import Halving  # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("role", choices=["client", "server"])
parser.add_argument("address")
parser.add_argument("--float64", action="store_true", help="send a model of float64, as plain NumPy code does")
parser.add_argument("--root-certificates", type=pathlib.Path)
parser.add_argument("--certificate", type=pathlib.Path)
parser.add_argument("--private-key", type=pathlib.Path)
options = parser.parse_args()

if options.role == "client":
    roots = options.root_certificates.read_bytes() if options.root_certificates else None
    halving = Halving(numpy.float64 if options.float64 else numpy.float32)
    if hasattr(halving, "to_client"):
        from inspect import signature

        from flwr.client import start_client

        # Older versions encrypt where they are given certificates, newer ones ask.
        ask = {"insecure": roots is None} if "insecure" in signature(start_client).parameters else {}
        start_client(server_address=options.address, client=halving.to_client(), root_certificates=roots, **ask)
    else:
        from flwr.client import start_numpy_client

        start_numpy_client(server_address=options.address, client=halving, root_certificates=roots)
else:
    from flwr.common import ndarrays_to_parameters, parameters_to_ndarrays
    from flwr.server import ServerConfig, start_server
    from flwr.server.strategy import FedAvg

    class Wide(FedAvg):
        """Averages as FedAvg does and sends float64, as some of Flower's strategies do."""

        def aggregate_fit(self, server_round, results, failures):
            parameters, metrics = super().aggregate_fit(server_round, results, failures)
            return ndarrays_to_parameters([array.astype(numpy.float64) for array in parameters_to_ndarrays(parameters)]), metrics

    strategy = (Wide if options.float64 else FedAvg)(min_fit_clients=2, min_evaluate_clients=2, min_available_clients=2)
    secure = options.certificate and tuple(file.read_bytes() for file in (options.certificate, options.certificate, options.private_key))
    history = start_server(server_address=options.address, config=ServerConfig(num_rounds=3), strategy=strategy, certificates=secure)
    assert len(history.losses_distributed) == 3, history
