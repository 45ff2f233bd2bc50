"""Trains with a real Flower in every pairing: its clients and SuperNodes on our server, our clients and nodes on its servers.

Usage: python3 pairings.py [TEXT...]: all pairings, or those whose name holds one of the texts. Run by the Python that can import flwr,
1.0 or later for the stream, 1.23 or later for Fleet; without one nothing is run. Closes with "N passed, N failed, N skipped".
"""

import importlib.util
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SAMPLE = ["dotnet", str(ROOT / "samples" / "Mnist" / "bin" / "Release" / "net10.0" / "mnist.dll")]
START, END = 60, 300  # Seconds that a program may take to start, and a run to its end.
BOUND = "127.0.0.1"


class Failed(Exception):
    """What went wrong, in one sentence."""


class Skipped(Exception):
    """Why a pairing cannot be tried here."""


class Pairing:
    """A folder for files and the programs that one pairing started; all of them end with it."""

    def __init__(self, folder):
        self.folder, self.programs = pathlib.Path(folder), {}

    def file(self, name):
        return str(self.folder / name)

    def start(self, name, *command, **environment):
        with open(self.file(name + ".log"), "wb") as log:
            self.programs[name] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, **environment}, cwd=self.folder)

    def stop(self, name):
        program = self.programs.pop(name)
        if program.poll() is None:
            program.terminate()
            try:
                program.wait(10)
            except subprocess.TimeoutExpired:
                program.kill()
                program.wait()

    def said(self, name):
        return pathlib.Path(self.file(name + ".log")).read_text(errors="replace")

    def until(self, true, seconds, sentence):
        deadline = time.monotonic() + seconds
        while not true():
            if time.monotonic() > deadline:
                raise Failed(sentence)
            time.sleep(0.2)

    def says(self, name, text, seconds=START):
        def said():
            if text in self.said(name):
                return True
            if self.programs[name].poll() is not None and text not in self.said(name):
                raise Failed(f"{name} ended with exit code {self.programs[name].returncode} and never said '{text}'")
            return False

        self.until(said, seconds, f"{name} did not say '{text}' within {seconds} s")

    def listens(self, name, address):
        def open_():
            if self.programs[name].poll() is not None:
                raise Failed(f"{name} ended with exit code {self.programs[name].returncode} before it listened at {address}")
            try:
                host, port = address.rsplit(":", 1)
                socket.create_connection((host, int(port)), 1).close()
                return True
            except OSError:
                return False

        self.until(open_, START, f"{name} did not listen at {address} within {START} s")

    def ends(self, name, seconds=END):
        try:
            code = self.programs[name].wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failed(f"{name} did not end within {seconds} s") from None
        if code != 0:
            raise Failed(f"{name} ended with exit code {code}")

    def server(self, *options, name="server", join=None, fleet=None):
        """Starts our server, waits until it can be joined and gives its addresses."""
        join, model = join or free_address(), self.file("model.npz")
        command = [*SAMPLE, "server", "--address", join, "--output", model, "--json", self.file("history.json"), *options]
        self.start(name, *command, *(["--fleet", fleet] if fleet else []))
        self.says(name, "SuperNodes join at" if fleet else "Listening on")
        return join

    def client(self, name, join, number, *options):
        self.start(name, *SAMPLE, "client", "--node-id", str(number), "--address", join, "--max-wait", str(START), *options)

    def stock(self, name, role, join, *options):
        self.start(name, sys.executable, str(HERE / "bidi.py"), role, join, *options)

    def supernode(self, name, fleet, *options):
        security = [] if "--root-certificates" in options else ["--insecure"]
        self.start(
            name, program("flower-supernode"), *security, "--superlink", fleet, "--clientappio-api-address", free_address(), *options,
            FLWR_HOME=self.file(name + "-home"))

    def models_are(self, value, rounds=3):
        """Every element of the model is the value, in float32, and no round failed."""
        import numpy

        with numpy.load(self.file("model.npz")) as model:
            for name in model.files:
                if model[name].dtype != numpy.float32 or not numpy.allclose(model[name], value, rtol=1e-6):
                    raise Failed(f"array '{name}' of the model is {model[name].dtype} from {model[name].min()} to {model[name].max()}, expected float32 {value}")
        losses = json.loads(pathlib.Path(self.file("history.json")).read_text())["losses_distributed"]
        if len(losses) != rounds:
            raise Failed(f"the history has {len(losses)} losses, expected {rounds}")


def free_address():
    with socket.socket() as listener:
        listener.bind((BOUND, 0))
        return f"{BOUND}:{listener.getsockname()[1]}"


def program(name):
    found = shutil.which(name, path=str(pathlib.Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        raise Skipped(f"there is no {name}")
    return found


def needs(least, what):
    if VERSION < least:
        raise Skipped(f"{what} begins with Flower {least[0]}.{least[1]}")


def certificate(pairing):
    """A certificate for this machine, signed by itself: its file and its key's."""
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
    except ImportError:
        raise Skipped("Python's cryptography is not there to make a certificate with") from None
    import datetime
    import ipaddress

    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address(BOUND))])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(names, False).add_extension(x509.BasicConstraints(True, None), True).sign(key, hashes.SHA256()))
    own, private = pathlib.Path(pairing.file("server.pem")), pathlib.Path(pairing.file("server.key"))
    own.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return str(own), str(private)


def node_key(pairing, name):
    """A node's key as ssh-keygen writes it: the private key's file; the public one's ends with .pub."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, file = ec.generate_private_key(ec.SECP384R1()), pathlib.Path(pairing.file(name))
    file.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()))
    file.chmod(0o600)
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    pathlib.Path(f"{file}.pub").write_bytes(public + b" node\n")
    return str(file)


def app(pairing, component="legacy"):
    """The folder of an app for SuperNodes and a ServerApp."""
    folder = pathlib.Path(pairing.file("app"))
    shutil.copytree(HERE / "app", folder)
    file = folder / "pyproject.toml"
    file.write_text(file.read_text().replace("interop.legacy", f"interop.{component}"))
    return folder


def bundle(pairing, component="legacy"):
    """An app bundle for stock SuperNodes, as `flwr build` makes it."""
    folder = app(pairing, component)
    pairing.start("flwr-build", program("flwr"), "build", "--app", str(folder), FLWR_HOME=pairing.file("flwr-home"))
    pairing.ends("flwr-build", START)
    made = [*pairing.folder.glob("*.fab"), *folder.glob("*.fab")]
    if len(made) != 1:
        raise Failed(f"flwr build made {len(made)} bundles")
    return str(made[0])


def superlink(pairing, *options, tls=None):
    """Starts a stock SuperLink and gives its Fleet address and its Control address."""
    fleet, control = free_address(), free_address()
    security = ["--ssl-ca-certfile", tls[0], "--ssl-certfile", tls[0], "--ssl-keyfile", tls[1]] if tls else ["--insecure"]
    pairing.start(
        "superlink", program("flower-superlink"), *security, "--fleet-api-address", fleet, "--control-api-address", control,
        "--serverappio-api-address", free_address(), *options, FLWR_HOME=pairing.file("flwr-home"))
    pairing.listens("superlink", fleet)
    pairing.listens("superlink", control)
    return fleet, control


def flwr(pairing, name, control, *command, tls=None):
    """Starts a command of Flower's against the SuperLink, which it finds in the app up to 1.25 and in its own folder since."""
    folder, home = pathlib.Path(pairing.file("app")), pathlib.Path(pairing.file("flwr-home"))
    security = f'root-certificates = "{pathlib.Path(tls[0]).as_posix()}"' if tls else "insecure = true"
    pyproject, config = folder / "pyproject.toml", home / "config.toml"
    home.mkdir(exist_ok=True)
    if control not in pyproject.read_text():
        pyproject.write_text(f'{pyproject.read_text()}\n[tool.flwr.federations.stock]\naddress = "{control}"\n{security}\n')
        with open(config, "a") as file:
            file.write(f'\n[superlink.stock]\naddress = "{control}"\n{security}\n')
    pairing.start(name, program("flwr"), *command, FLWR_HOME=str(home), PYTHONIOENCODING="utf-8")


def run_on_superlink(pairing, control, tls=None):
    flwr(pairing, "flwr-run", control, "run", pairing.file("app"), "stock", "--stream", tls=tls)
    pairing.ends("flwr-run")
    if not any(text in pairing.said("flwr-run") for text in ("round 3:", "ROUND 3/3")):
        raise Failed("the run on the SuperLink has no third round")


# The pairings. A stock client halves every array: of a model of 0.01 three rounds leave 0.00125.

def stock_clients_on_our_server(pairing):
    join = pairing.server("--clients", "2")
    pairing.stock("client-1", "client", join)
    pairing.stock("client-2", "client", join)
    pairing.ends("server")
    pairing.models_are(0.00125)


def stock_client_and_ours_on_our_server(pairing):
    join = pairing.server("--clients", "2")
    pairing.stock("client-1", "client", join)
    pairing.client("client-2", join, 1)
    pairing.ends("server")
    pairing.ends("client-2")


def stock_clients_of_float64_on_our_server(pairing):
    join = pairing.server("--clients", "2")
    pairing.stock("client-1", "client", join, "--float64")
    pairing.stock("client-2", "client", join, "--float64")
    pairing.ends("server")
    pairing.models_are(0.00125)


def stock_clients_on_our_server_with_tls(pairing):
    own, key = certificate(pairing)
    join = pairing.server("--clients", "2", "--certificate", own, "--private-key", key)
    pairing.stock("client-1", "client", join, "--root-certificates", own)
    pairing.client("client-2", join, 1, "--root-certificates", own)
    pairing.ends("server")
    pairing.ends("client-2")


def our_clients_on_a_stock_server(pairing, *options, roots=()):
    join = free_address()
    pairing.stock("server", "server", join, *options)
    pairing.client("client-1", join, 0, *roots)
    pairing.client("client-2", join, 1, *roots)
    for name in ("server", "client-1", "client-2"):
        pairing.ends(name)


def our_clients_on_a_stock_server_with_tls(pairing):
    own, key = certificate(pairing)
    our_clients_on_a_stock_server(pairing, "--certificate", own, "--private-key", key, roots=("--root-certificates", own))


def our_clients_on_a_stock_server_of_float64(pairing):
    our_clients_on_a_stock_server(pairing, "--float64")


def our_client_and_a_stock_one_on_a_stock_server(pairing):
    join = free_address()
    pairing.stock("server", "server", join)
    pairing.listens("server", join)
    pairing.client("client-1", join, 0)
    pairing.stock("client-2", "client", join)
    pairing.ends("server")
    pairing.ends("client-1")


def supernodes_on_our_server(pairing):
    fleet, fab = free_address(), bundle(pairing)
    pairing.server("--clients", "2", "--fab", fab, fleet=fleet)
    pairing.supernode("node-1", fleet)
    pairing.supernode("node-2", fleet)
    pairing.ends("server")
    pairing.models_are(0.00125)


def supernodes_and_our_client_on_our_server(pairing):
    fleet, fab = free_address(), bundle(pairing)
    join = pairing.server("--clients", "3", "--fab", fab, fleet=fleet)
    pairing.supernode("node-1", fleet)
    pairing.supernode("node-2", fleet)
    pairing.client("client", join, 0)
    pairing.ends("server")
    pairing.ends("client")


def supernodes_of_the_message_api_on_our_server(pairing):
    fleet, fab = free_address(), bundle(pairing, "messages")
    pairing.server("--clients", "2", "--fab", fab, fleet=fleet)
    pairing.supernode("node-1", fleet)
    pairing.supernode("node-2", fleet)
    pairing.ends("server")
    pairing.models_are(0.00125)


def supernode_of_the_message_api_our_node_and_our_client_on_our_server(pairing):
    fleet, fab = free_address(), bundle(pairing, "messages")
    join = pairing.server("--clients", "3", "--fab", fab, fleet=fleet)
    pairing.supernode("stock-node", fleet)
    pairing.start("our-node", *SAMPLE, "node", "--node-id", "0", "--superlink", fleet)
    pairing.client("client", join, 1)
    pairing.ends("server")
    pairing.ends("client")
    if "does not count" in pairing.said("server"):
        raise Failed("a result did not count")


def supernodes_with_keys_on_our_server_with_tls(pairing):
    (own, key), fab, fleet = certificate(pairing), bundle(pairing), free_address()
    known, stranger = node_key(pairing, "known"), node_key(pairing, "stranger")
    pairing.server("--clients", "1", "--fab", fab, "--node-keys", known + ".pub", "--certificate", own, "--private-key", key, fleet=fleet)
    pairing.supernode("stranger-node", fleet, "--root-certificates", own, "--auth-supernode-private-key", stranger)
    pairing.until(lambda: pairing.programs["stranger-node"].poll() is not None, START, f"a SuperNode whose key is not listed still runs after {START} s")
    pairing.supernode("node", fleet, "--root-certificates", own, "--auth-supernode-private-key", known)
    pairing.ends("server")
    pairing.models_are(0.00125)


def supernodes_after_our_server_restarts(pairing):
    fleet, join, fab = free_address(), free_address(), bundle(pairing)
    pairing.server("--clients", "2", "--rounds", "1000", "--fab", fab, name="first", join=join, fleet=fleet)
    pairing.supernode("node-1", fleet)
    pairing.supernode("node-2", fleet)
    pairing.says("first", "Round 2/1000: fit on", 120)
    pairing.stop("first")
    pairing.server("--clients", "2", "--fab", fab, join=join, fleet=fleet)
    pairing.ends("server")
    pairing.models_are(0.00125)


def our_nodes_on_a_superlink(pairing):
    app(pairing)
    fleet, control = superlink(pairing)
    for number in range(2):
        pairing.start(f"node-{number}", *SAMPLE, "node", "--node-id", str(number), "--superlink", fleet)
    run_on_superlink(pairing, control)


def our_node_and_a_supernode_on_a_superlink(pairing, component="legacy"):
    app(pairing, component)
    fleet, control = superlink(pairing)
    pairing.start("our-node", *SAMPLE, "node", "--node-id", "0", "--superlink", fleet)
    pairing.supernode("stock-node", fleet)
    run_on_superlink(pairing, control)


def our_node_and_a_supernode_of_the_message_api_on_a_superlink(pairing):
    our_node_and_a_supernode_on_a_superlink(pairing, "messages")


def our_nodes_with_keys_on_a_superlink_with_tls(pairing):
    tls = certificate(pairing)
    app(pairing)
    fleet, control = superlink(pairing, "--enable-supernode-auth", tls=tls)
    for number in range(2):
        key = node_key(pairing, f"key-{number}")
        flwr(pairing, f"register-{number}", control, "supernode", "register", key + ".pub", *([pairing.file("app")] if VERSION < (1, 26) else []), "stock", tls=tls)
        pairing.ends(f"register-{number}", START)
        pairing.start(f"node-{number}", *SAMPLE, "node", "--node-id", str(number), "--superlink", fleet, "--key", key, "--root-certificates", tls[0])
    run_on_superlink(pairing, control, tls)


STREAM = [
    stock_clients_on_our_server, stock_client_and_ours_on_our_server, stock_clients_of_float64_on_our_server, stock_clients_on_our_server_with_tls,
    our_clients_on_a_stock_server, our_client_and_a_stock_one_on_a_stock_server, our_clients_on_a_stock_server_of_float64,
    our_clients_on_a_stock_server_with_tls,
]
FLEET = [
    supernodes_on_our_server, supernodes_and_our_client_on_our_server, supernodes_of_the_message_api_on_our_server,
    supernode_of_the_message_api_our_node_and_our_client_on_our_server, supernodes_with_keys_on_our_server_with_tls,
    supernodes_after_our_server_restarts, our_nodes_on_a_superlink, our_node_and_a_supernode_on_a_superlink,
    our_node_and_a_supernode_of_the_message_api_on_a_superlink, our_nodes_with_keys_on_a_superlink_with_tls,
]


def attempt(run):
    """Runs a pairing and says how it went: passed, failed or skipped."""
    name, started = run.__name__.replace("_", " "), time.monotonic()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        pairing = Pairing(folder)
        try:
            if run in FLEET:
                needs((1, 23), "Fleet with signed calls")
            run(pairing)
            print(f"passed: {name} ({time.monotonic() - started:.0f} s)", flush=True)
            return "passed"
        except Skipped as reason:
            print(f"skipped: {name}: {reason}", flush=True)
            return "skipped"
        except Failed as sentence:
            print(f"FAILED: {name}: {sentence}")
            for log in sorted(pairing.folder.glob("*.log")):
                print(f"--- {log.name}", *log.read_text(errors="replace").splitlines()[-30:], sep="\n", flush=True)
            return "failed"
        finally:
            for started_program in list(pairing.programs):
                pairing.stop(started_program)


def main(texts):
    results = {"passed": 0, "failed": 0, "skipped": 0}
    chosen = [run for run in STREAM + FLEET if not texts or any(text.replace(" ", "_") in run.__name__ for text in texts)]
    if importlib.util.find_spec("flwr") is None:
        print(f"interop: {sys.executable} cannot import flwr, so nothing was run; install it, or name an interpreter that has it in PYTHON")
        results["skipped"] = len(chosen)
    else:
        import flwr

        global VERSION
        VERSION = tuple(int(part) for part in flwr.__version__.split(".")[:2])
        print(f"interop: Flower {flwr.__version__}", flush=True)
        build = subprocess.run(["dotnet", "build", "-c", "Release", "-v", "q", "--nologo", str(ROOT / "samples" / "Mnist")], stdin=subprocess.DEVNULL, check=False)
        if build.returncode != 0:
            print("FAILED: the sample was not built")
            results["failed"] = len(chosen)
        else:
            for run in chosen:
                results[attempt(run)] += 1
    print("{passed} passed, {failed} failed, {skipped} skipped".format(**results))
    return 0 if results["failed"] == 0 else 1


if __name__ == "__main__":
    os.environ |= {"FLWR_TELEMETRY_ENABLED": "0", "FLWR_DISABLE_UPDATE_CHECK": "1"}
    sys.exit(main(sys.argv[1:]))
