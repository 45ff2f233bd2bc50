using System.Globalization;
using ManagedFed;
using ManagedFed.Federation;
using ManagedFed.Federation.Data;
using ManagedFed.Nn.Data;
using ManagedFed.Samples.Browser;
using ManagedFed.Samples.Mnist;
using Microsoft.Extensions.Logging;

await Page.StartedAsync();
try
{
    var node = Number("node-id");
    var (train, test) = await LoadAsync(node, Number("partitions"));
    Page.Write($"{train.Count} images to train on, {test.Count} to test on");
    await FederatedNode.StartAsync(Page.Value("server"), new TabClient(node, train, test), new FederatedNodeOptions
    {
        LoggerFactory = new ConsoleLog(new Page.Writer(), LogLevel.Information),
        PollInterval = TimeSpan.FromSeconds(0.5),
        LeaveAfterRun = true,
        MaxWait = TimeSpan.FromMinutes(1),
    });
    Page.Write("Done: the run is over");
}
catch (Exception e) when (e is FederationException or HttpRequestException or ArgumentException or FormatException)
{
    Page.Write($"Failed: {e.Message}");
}

// This tab's part of the images: the same that a process with the same numbers takes, and as there a fifth of it to judge by.
static async Task<(Dataset Train, Dataset Test)> LoadAsync(int node, int partitions)
{
    var folder = new Uri(new Uri(Page.Address()), Page.Value("data"));
    using var http = new HttpClient();
    var images = await FileAsync("train-images-idx3-ubyte.gz");
    var labels = await FileAsync("train-labels-idx1-ubyte.gz");
    var splits = new Dictionary<string, Table> { ["train"] = new(("image", images), ("label", labels)) };
    var part = new FederatedDataset(splits, new() { ["train"] = partitions }).LoadPartition(node);
    var (learnt, judged) = part.TrainTestSplit(testSize: 0.2, seed: 42);
    return (Examples(learnt), Examples(judged));

    async Task<NdArray> FileAsync(string name)
    {
        Page.Write($"Fetching {name}");
        return Idx.Read(new MemoryStream(await http.GetByteArrayAsync(new Uri(folder, name))));
    }

    static Dataset Examples(Table table) => Mnist.Examples(table.Array("image"), table.Array("label"));
}

static int Number(string field) => int.TryParse(Page.Value(field), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
    ? number : throw new FormatException($"the field {field} holds '{Page.Value(field)}', expected a number");
