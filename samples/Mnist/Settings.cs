using System.Security.Cryptography.X509Certificates;
using ManagedFed.Federation;
using ManagedFed.IO;

namespace ManagedFed.Samples.Mnist;

/// <summary>The numbers of the program; the defaults are the published example's.</summary>
internal sealed record Settings
{
    public int Rounds { get; init; } = 3;

    /// <summary>How the server makes updates the next model.</summary>
    public string Strategy { get; init; } = "fedavg";

    /// <summary>How many equal parts the training images are dealt into; client i has part i.</summary>
    public int Partitions { get; init; } = 3;

    /// <summary>How many clients the quickstart starts, and the server waits for.</summary>
    public int Clients { get; init; } = 2;

    public int BatchSize { get; init; } = 256;

    public int LocalEpochs { get; init; } = 1;

    public float LearningRate { get; init; } = 0.1f;

    /// <summary>The number of hidden layers.</summary>
    public int NumLayers { get; init; } = 2;

    public int HiddenDim { get; init; } = 32;

    /// <summary>42, as in the published example, gives the parts Flower gives.</summary>
    public int Seed { get; init; } = 42;

    /// <summary>Where the server listens, host:port.</summary>
    public string Address { get; init; } = "127.0.0.1:8080";

    /// <summary>The folder in which the server keeps its run; null keeps nothing.</summary>
    public string? Run { get; init; }

    /// <summary>Where the server writes models of rounds; null for nowhere.</summary>
    public CheckpointEvery? Checkpoint { get; init; }

    /// <summary>The name by which the server knows a client again; null for none.</summary>
    public string? Name { get; init; }

    /// <summary>The file in which a client keeps what it remembers; null for a client that remembers nothing.</summary>
    public string? State { get; init; }

    /// <summary>How long a node waits before it asks again.</summary>
    public TimeSpan Poll { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>How the server offers Fleet; null for not at all.</summary>
    public FleetOptions? Fleet { get; init; }

    /// <summary>True when a node signs all that its calls say.</summary>
    public bool SignContent { get; init; }

    /// <summary>How a node speaks with its SuperLink.</summary>
    public FleetWire Wire { get; init; }

    /// <summary>The server's certificate and key; null for no encryption.</summary>
    public X509Certificate2? Certificate { get; init; }

    /// <summary>The certificates a client trusts; null for no encryption, unless the address says https.</summary>
    public X509Certificate2Collection? Roots { get; init; }

    /// <summary>The folder with the four IDX files; null for the bundled one.</summary>
    public string? Dataset { get; init; }

    public string? Json { get; init; }

    public string Output { get; init; } = "final_model.npz";

    /// <summary>The most time a client has for one answer.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>The most time the server waits for a client that was lost; null for the library's choice.</summary>
    public TimeSpan? ReturnTimeout { get; init; }

    /// <summary>The most time a client looks for the server.</summary>
    public TimeSpan? MaxWait { get; init; }

    /// <summary>True to show warnings only.</summary>
    public bool Quiet { get; init; }

    /// <summary>The threads one process computes with; null leaves the choice to the command.</summary>
    public int? Threads { get; init; }

    /// <summary>Finds out before the training whether what comes out of it can be written.</summary>
    public void CheckOutputs()
    {
        AtomicFile.CheckWritable(Output);
        if (Json is { } json) AtomicFile.CheckWritable(json);
    }
}
