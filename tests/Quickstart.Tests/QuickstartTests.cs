using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using ManagedFed.IO;
using Xunit;

namespace ManagedFed.Quickstart.Tests;

/// <summary>The sample's commands, run as processes over a reduced data set.</summary>
public sealed class QuickstartTests(ReducedMnist data) : IClassFixture<ReducedMnist>
{
    [Fact]
    public async Task Quickstart_ReducedData_LearnsAndWritesHistoryAndModel()
    {
        var (json, model) = (data.NewFile(".json"), data.NewFile(".npz"));

        var run = await SampleProgram.RunAsync("--dataset", data.Folder, "--batch-size", "32", "--json", json, "--output", model);

        Assert.True(run.ExitCode == 0, run.Output + run.Error);
        Assert.Empty(run.Error);
        Assert.Contains("[client 0] Part 0 of 3: 400 images to train on, 100 to test on", run.Output, StringComparison.Ordinal);
        Assert.Contains("[client 1] Part 1 of 3: 400 images to train on, 100 to test on", run.Output, StringComparison.Ordinal);
        Assert.Matches(@"Final model: accuracy 0\.\d{4} on 300 test images", run.Output);

        using var history = JsonDocument.Parse(await File.ReadAllTextAsync(json, TestContext.Current.CancellationToken));
        var losses = Rounds(history.RootElement.GetProperty("losses_distributed"));
        Assert.Equal([1, 2, 3], losses.Select(loss => loss.Round));
        Assert.True(losses[2].Value < losses[0].Value, $"loss went from {losses[0].Value} to {losses[2].Value}");
        var accuracies = history.RootElement.GetProperty("metrics_distributed").GetProperty("accuracy");
        Assert.Equal([1, 2, 3], Rounds(accuracies).Select(value => value.Round));
        Assert.Equal([0, 1, 2, 3], Rounds(history.RootElement.GetProperty("losses_centralized")).Select(loss => loss.Round));
        accuracies = history.RootElement.GetProperty("metrics_centralized").GetProperty("accuracy");
        Assert.Equal([0, 1, 2, 3], Rounds(accuracies).Select(value => value.Round));

        var arrays = Npz.Load(model);
        Assert.Equal(
            [
                "layers.0.weight (32, 784)", "layers.0.bias (32)", "layers.1.weight (32, 32)", "layers.1.bias (32)",
                "layers.2.weight (10, 32)", "layers.2.bias (10)",
            ],
            arrays.Select(array => $"{array.Key} ({string.Join(", ", array.Value.Shape.Sizes.ToArray())})"));
    }

    [Fact]
    public async Task Quickstart_SameSeed_SameHistoryAndModel()
    {
        var files = new List<(string Json, string Model)>();
        for (var i = 0; i < 2; i++)
        {
            files.Add((data.NewFile(".json"), data.NewFile(".npz")));
            var run = await SampleProgram.RunAsync(
                "--dataset", data.Folder, "--rounds", "1", "--seed", "7", "--json", files[i].Json, "--output", files[i].Model);
            Assert.True(run.ExitCode == 0, run.Output + run.Error);
        }

        Assert.Equal(File.ReadAllText(files[0].Json), File.ReadAllText(files[1].Json));
        var (first, second) = (Npz.Load(files[0].Model), Npz.Load(files[1].Model));
        Assert.All(first.Zip(second), pair => Assert.Equal(pair.First.Value.ToArray<float>(), pair.Second.Value.ToArray<float>()));
    }

    [Fact]
    public async Task Quickstart_ClientFails_EndsWithItsName()
    {
        // Client 2 finds only two parts.
        var run = await SampleProgram.RunAsync("--dataset", data.Folder, "--clients", "3", "--partitions", "2", "--output", data.NewFile(".npz"));

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("[client 2] Error: --node-id is 2, expected 0 to 1 with 2 partitions", run.Error, StringComparison.Ordinal);
        Assert.Contains("Error: client 2 ended with exit code 1 before the run was over", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Server_WithClientsStartedByHand_RunsToTheEnd()
    {
        var port = LoopbackPort.Free();
        var model = data.NewFile(".npz");
        using var server = SampleProgram.Start(
            "server", "--address", $"127.0.0.1:{port}", "--rounds", "1", "--dataset", data.Folder, "--output", model);
        try
        {
            var clients = await Task.WhenAll(Enumerable.Range(0, 2).Select(node => SampleProgram.RunAsync(
                "client", "--node-id", $"{node}", "--address", $"127.0.0.1:{port}", "--dataset", data.Folder, "--max-wait", "60")));

            Assert.All(clients, client => Assert.True(client.ExitCode == 0, client.Output + client.Error));
            var output = await server.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
            await server.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.True(server.ExitCode == 0, output);
            Assert.Contains("Final model: accuracy", output, StringComparison.Ordinal);
            Assert.True(File.Exists(model));
        }
        finally
        {
            if (!server.HasExited) server.Kill();
        }
    }

    [Fact]
    public async Task Central_ReducedData_PrintsAccuracyAndSecondsPerEpoch()
    {
        var model = data.NewFile(".npz");

        var run = await SampleProgram.RunAsync("central", "--epochs", "2", "--dataset", data.Folder, "--output", model);

        Assert.True(run.ExitCode == 0, run.Output + run.Error);
        Assert.Matches(@"Epoch 1: training loss \d\.\d{4}, test accuracy 0\.\d{4}, \d+\.\d{3} s", run.Output);
        Assert.Matches(@"Epoch 2: ", run.Output);
        Assert.True(File.Exists(model));
    }

    [Theory]
    [InlineData("logistic")]
    [InlineData("mlp")]
    public async Task Simulate_ReducedData_LearnsAndGivesTheSameHistoryAgain(string kind)
    {
        string[] histories = [data.NewFile(".json"), data.NewFile(".json")];
        foreach (var json in histories)
        {
            var run = await SampleProgram.RunAsync(
                "simulate", "--dataset", data.Folder, "--clients", "50", "--fraction", "0.2", "--rounds", "20", "--batch", "10", "--lr", "0.1", "--epochs", "2",
                "--model", kind, "--seed", "1", "--json", json);

            Assert.True(run.ExitCode == 0, run.Output + run.Error);
            Assert.Matches(@"20 rounds, 200 updates of 50 clients in \d+\.\d\d s", run.Output);
            Assert.Matches(@"Round 20/20: loss .*, accuracy 0\.\d{4}, \d+\.\d s, about 0\.0 s left", run.Error);
            Assert.InRange(run.Error.Split('\n').Length, 2, 21);
        }
        Assert.Equal(File.ReadAllText(histories[0]), File.ReadAllText(histories[1]));
        using var history = JsonDocument.Parse(await File.ReadAllTextAsync(histories[0], TestContext.Current.CancellationToken));
        var accuracies = Rounds(history.RootElement.GetProperty("metrics_centralized").GetProperty("accuracy"));
        Assert.Equal([0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20], accuracies.Select(value => value.Round));
        Assert.InRange(accuracies[^1].Value, 0.6, 1);
    }

    [Theory]
    [InlineData("fedprox")]
    [InlineData("scaffold")]
    [InlineData("fedadam")]
    public async Task Simulate_WithAStrategyAndAFolder_GoesOnToTheSameHistory(string strategy)
    {
        var (folder, json, whole) = (data.NewFile(""), data.NewFile(".json"), data.NewFile(".json"));
        string[] simulate = ["simulate", "--dataset", data.Folder, "--clients", "30", "--fraction", "0.2", "--model", "mlp", "--strategy", strategy, "--seed", "3"];
        foreach (var options in new string[][] { ["--rounds", "3", "--run", folder], ["--rounds", "6", "--run", folder, "--json", json], ["--rounds", "6", "--json", whole] })
        {
            var run = await SampleProgram.RunAsync([.. simulate, .. options]);
            Assert.True(run.ExitCode == 0, run.Output + run.Error);
        }
        using var expected = JsonDocument.Parse(await File.ReadAllTextAsync(whole, TestContext.Current.CancellationToken));
        using var actual = JsonDocument.Parse(await File.ReadAllTextAsync(json, TestContext.Current.CancellationToken));
        foreach (var part in new[] { "losses_centralized", "metrics_centralized" })
        {
            Assert.Equal(expected.RootElement.GetProperty(part).GetRawText(), actual.RootElement.GetProperty(part).GetRawText());
        }
        var inspected = await SampleProgram.RunAsync("inspect", folder);
        Assert.Contains("6 round(s)", inspected.Output, StringComparison.Ordinal);
        Assert.Equal(strategy == "scaffold", Directory.EnumerateFiles(Path.Combine(folder, "clients"), "*.safetensors", SearchOption.AllDirectories).Any());
    }

    [Theory]
    [InlineData("--clients 0", "--clients is 0, expected at least 1")]
    [InlineData("--clients 1501", "--clients is 1501, expected at most 1500, the number of images")]
    [InlineData("--fraction 0", "--fraction is 0, expected above 0 up to 1")]
    [InlineData("--fraction 1.5", "--fraction is 1.5, expected above 0 up to 1")]
    [InlineData("--rounds 0", "--rounds is 0, expected at least 1")]
    [InlineData("--batch 0", "--batch is 0, expected at least 1")]
    [InlineData("--lr -1", "--lr is -1, expected at least 0")]
    [InlineData("--model cnn", "cnn")]
    [InlineData("--strategy best", "best")]
    public async Task Simulate_WithAnOptionOutsideItsRange_SaysSo(string options, string message)
    {
        var run = await SampleProgram.RunAsync(["simulate", "--dataset", data.Folder, .. options.Split(' ')]);

        Assert.Equal(1, run.ExitCode);
        Assert.Contains(message, run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Server_PortInUse_SaysSo()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();

        var run = await SampleProgram.RunAsync("server", "--address", $"{other.LocalEndpoint}", "--dataset", data.Folder);

        Assert.Equal(1, run.ExitCode);
        Assert.StartsWith("Error: ", run.Error, StringComparison.Ordinal);
        Assert.Contains("address already in use", run.Error, StringComparison.OrdinalIgnoreCase);
        Assert.Single(run.Error.TrimEnd().Split('\n'));
    }

    [Fact]
    public async Task Client_NoServer_GivesUpAfterMaxWait()
    {
        var run = await SampleProgram.RunAsync(
            "client", "--node-id", "0", "--address", $"127.0.0.1:{LoopbackPort.Free()}", "--max-wait", "0", "--dataset", data.Folder);

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("cannot be reached", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Central_WithAnUnknownKindOfOutput_EndsBeforeItTrains()
    {
        var run = await SampleProgram.RunAsync("central", "--dataset", data.Folder, "--output", "model.bin");

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("--output is model.bin, expected a file ending with .npz or .safetensors", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("Epoch", run.Output, StringComparison.Ordinal);
    }

    // The folder is missing, or is where a file should be.
    [Theory]
    [InlineData("")]
    [InlineData("server")]
    [InlineData("central")]
    public async Task Run_WithAnOutputThatCannotBeWritten_EndsBeforeItTrains(string command)
    {
        var folder = Directory.CreateDirectory(data.NewFile(".npz")).FullName;
        foreach (var (output, message) in new[] { (folder, "is a folder, expected a file"), (Path.Combine(folder, "none", "a.npz"), "there is no folder") })
        {
            var run = await SampleProgram.RunAsync([.. command.Length > 0 ? [command] : Array.Empty<string>(), "--dataset", data.Folder, "--output", output]);

            Assert.Equal(1, run.ExitCode);
            Assert.StartsWith($"Error: [file] {output} ", run.Error, StringComparison.Ordinal);
            Assert.Contains(message, run.Error, StringComparison.Ordinal);
            Assert.Equal("", run.Output);
        }
    }

    [Fact]
    public async Task Central_FolderWithoutImages_NamesTheMissingFile()
    {
        var run = await SampleProgram.RunAsync("central", "--dataset", data.NewFile(""));

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("Error: cannot read the images: ", run.Error, StringComparison.Ordinal);
        Assert.Contains("train-images-idx3-ubyte", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "--rounds --partitions --clients --batch-size --local-epochs --learning-rate --num-layers --hidden-dim --seed")]
    [InlineData("", "--address --dataset --json --output --timeout --threads")]
    [InlineData("server", "--rounds --clients --address --json --output --timeout --certificate --private-key --fleet --fleet-http --allow-origin --fab --node-keys --require-signed-content")]
    [InlineData("client", "--node-id --partitions --batch-size --local-epochs --learning-rate --address --root-certificates --seed")]
    [InlineData("node", "--node-id --superlink --wire --sign-content --key --root-certificates --once --max-wait --partitions --seed")]
    [InlineData("central", "--epochs --batch-size --learning-rate --seed --dataset")]
    [InlineData("simulate", "--clients --fraction --rounds --batch --lr --epochs --model --strategy --run --seed --threads --dataset --json")]
    public async Task Help_EveryCommand_ListsItsOptions(string command, string options)
    {
        var run = await SampleProgram.RunAsync([.. command.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--help"]);

        Assert.Equal(0, run.ExitCode);
        Assert.All(options.Split(' '), option => Assert.Contains(option, run.Output, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("client", "--node-id")]
    [InlineData("node --node-id 0 --key missing.pem", "missing.pem")]
    [InlineData("node --node-id 0 --root-certificates missing.pem", "--root-certificates missing.pem cannot be used: ")]
    [InlineData("client --node-id 0 --root-certificates mnist.dll", "--root-certificates mnist.dll cannot be used: there is no certificate in it")]
    [InlineData("server --certificate missing.pem", "--certificate missing.pem cannot be used: ")]
    [InlineData("server --certificate mnist.dll", "--certificate mnist.dll cannot be used: it holds no private key; name the key's file with --private-key")]
    [InlineData("server --certificate missing.pem --private-key gone.pem", "--private-key gone.pem cannot be used: ")]
    [InlineData("server --private-key key.pem", "--private-key needs --certificate")]
    [InlineData("server --fab app.fab", "--fab needs --fleet or --fleet-http")]
    [InlineData("server --allow-origin http://127.0.0.1:5000", "--allow-origin needs --fleet-http")]
    [InlineData("server --fleet-http --allow-origin 127.0.0.1:5000", "the allowed origin '127.0.0.1:5000' is none")]
    [InlineData("server --node-keys keys.pub", "--node-keys needs --fleet")]
    [InlineData("server --fleet --node-keys keys.pub", "keys.pub")]
    [InlineData("--rounds x", "x")]
    [InlineData("--batch-size 0", "--batch-size is 0, expected at least 1")]
    [InlineData("central --epochs -1", "--epochs is -1, expected at least 0")]
    public async Task Arguments_Wrong_AreNamed(string arguments, string expected)
    {
        var run = await SampleProgram.RunAsync(arguments.Split(' '));

        Assert.NotEqual(0, run.ExitCode);
        Assert.Contains(expected, run.Error, StringComparison.Ordinal);
    }

    private static (int Round, double Value)[] Rounds(JsonElement list) =>
        [.. list.EnumerateArray().Select(item => (item[0].GetInt32(), item[1].GetDouble()))];
}
