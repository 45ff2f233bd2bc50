using System.Globalization;

namespace ManagedFed.Federation;

/// <summary>Lists for the log that stay short however many there are.</summary>
internal static class NameList
{
    private const int Shown = 5;

    /// <summary>The first few names, and how many more there are.</summary>
    public static string Few(IReadOnlyCollection<string> names) => names.Count <= Shown
        ? string.Join(", ", names)
        : string.Create(CultureInfo.InvariantCulture, $"{string.Join(", ", names.Take(Shown))} and {names.Count - Shown} more");

    /// <summary>Failures by reason, and the first few in words.</summary>
    public static string Summary(IReadOnlyCollection<ClientFailure> failures)
    {
        var reasons = failures.GroupBy(failure => failure.Reason).OrderByDescending(group => group.Count()).ThenBy(group => group.Key)
            .Select(group => string.Create(CultureInfo.InvariantCulture, $"{group.Count()} {group.Key}"));
        var first = failures.GroupBy(failure => failure.Reason).OrderByDescending(group => group.Count()).ThenBy(group => group.Key)
            .Take(3).Select(group => group.First()).Select(failure => $"{failure.Client.Name}: {failure.Message}");
        return $"{string.Join(", ", reasons)} ({string.Join("; ", first)})";
    }
}
