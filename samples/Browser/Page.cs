using System.Runtime.InteropServices.JavaScript;
using System.Text;

namespace ManagedFed.Samples.Browser;

/// <summary>The page, by the functions that <c>main.js</c> lends.</summary>
internal static partial class Page
{
    private const string Module = "page";

    /// <summary>The page's own address, with its query.</summary>
    [JSImport("address", Module)]
    public static partial string Address();

    /// <summary>What a field holds.</summary>
    [JSImport("value", Module)]
    public static partial string Value(string name);

    /// <summary>Completed by the start button, or at once where the query has <c>start</c>.</summary>
    [JSImport("started", Module)]
    public static partial Task StartedAsync();

    /// <summary>Adds a line to the log.</summary>
    [JSImport("write", Module)]
    public static partial void Write(string line);

    [JSImport("showAccuracy", Module)]
    public static partial void ShowAccuracy(string text);

    /// <summary>Lets the browser do what else there is: paint, and send what waits.</summary>
    [JSImport("breathe", Module)]
    public static partial Task BreatheAsync();

    /// <summary>The log as a text writer.</summary>
    public sealed class Writer : TextWriter
    {
        public override Encoding Encoding => Encoding.UTF8;

        public override void WriteLine(string? value) => Page.Write(value ?? "");
    }
}
