// Opens the published samples/Browser in a headless Chromium: a tab and a process train MNIST in one run of three rounds.
// Arguments: the folder with the page, and the one with MNIST's files. CHROMIUM names the browser where it is not found by itself.
using System.Globalization;
using ManagedFed.Tests.Browser;

// The run takes well under a minute where nobody else works; this only keeps a broken one from hanging.
var limit = TimeSpan.FromMinutes(5);
const int mostBytes = 3_500_000;

if (args.Length != 2) throw new ArgumentException("expected the folder with the page and the folder with MNIST's files");
if (Chromium.Find() is not { } browser)
{
    Console.WriteLine("Skipped: there is no Chromium; CHROMIUM may name one");
    return 0;
}
using var over = new CancellationTokenSource(limit);
await using var site = await Site.StartAsync(args[0], args[1], over.Token);
await using var chromium = await Chromium.StartAsync(browser, over.Token);
var (accuracy, clientAccuracy) = await TabRun.RunAsync(site, chromium, args[1], over.Token);

Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
    $"accuracy {accuracy:0.0000} on the server's test images, {clientAccuracy:0.0000} on the clients'; the page took {site.PageBytes:N0} bytes"));
Require(accuracy > TabRun.LeastAccuracy, $"an accuracy of {accuracy}, expected above {TabRun.LeastAccuracy}");
Require(site.PageBytes is > 0 and <= mostBytes, $"the page took {site.PageBytes} bytes, expected at most {mostBytes}");
Console.WriteLine("OK");
return 0;

static void Require(bool condition, string message)
{
    if (!condition) throw new InvalidOperationException(message);
}
