"""The apps of a run of the Message API, with the names that Flower's own quickstarts give to metrics."""

from flwr.app import ArrayRecord, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import ServerApp
from flwr.serverapp.strategy import FedAvg
from interop.halving import Halving

client = ClientApp()
server = ServerApp()


@client.train()
def train(message, context):
    arrays, examples, metrics = Halving().fit(message.content["arrays"].to_numpy_ndarrays(), {})
    content = {"arrays": ArrayRecord(arrays), "metrics": MetricRecord({**metrics, "num-examples": examples})}
    return Message(RecordDict(content), reply_to=message)


@client.evaluate()
def evaluate(message, context):
    loss, examples, metrics = Halving().evaluate(message.content["arrays"].to_numpy_ndarrays(), {})
    content = {"metrics": MetricRecord({"eval_loss": loss, "eval_acc": metrics["accuracy"], "num-examples": examples})}
    return Message(RecordDict(content), reply_to=message)


@client.query("initial_parameters")
def initial_parameters(message, context):
    return Message(RecordDict({"arrays": ArrayRecord(Halving().get_parameters({}))}), reply_to=message)


@server.main()
def main(grid, context):
    strategy = FedAvg(min_train_nodes=2, min_evaluate_nodes=2, min_available_nodes=2)
    strategy.start(grid=grid, initial_arrays=ArrayRecord(Halving().get_parameters({})), num_rounds=3)
