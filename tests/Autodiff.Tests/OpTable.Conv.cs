namespace ManagedFed.Tests;

internal static partial class OpTable
{
    private static Dictionary<string, OpRow> Conv => new()
    {
        ["conv2d"] = new(v => v[0].Conv2d(v[1]), [[2, 5, 4, 3], [4, 3, 2, 3]]),
        ["conv2d bias"] = new(v => v[0].Conv2d(v[1], v[2], padding: 1).Square(), [[2, 3, 4, 1], [2, 3, 3, 1], [2]]),
        ["conv2d stride, dilation, groups"] = new(
            v => v[0].Conv2d(v[1], null, (2, 1), (1, 2), (1, 2), groups: 2), [[1, 5, 4, 4], [6, 2, 3, 2]]),
        ["conv1d"] = new(v => v[0].Conv1d(v[1], v[2], stride: 2, padding: 1), [[2, 5, 3], [4, 3, 3], [4]]),
        ["max_pool"] = new(v => v[0].MaxPool([1, 2], [2, 2]).Square(), [[2, 4, 5, 3]]),
        ["max_pool overlapping"] = new(v => v[0].MaxPool([1], [3], [2], padding: 1).Square(), [[2, 6, 2]]),
        ["avg_pool"] = new(v => v[0].AvgPool([1, 2], [2, 3], [1, 2], padding: 1).Square(), [[2, 4, 5, 2]]),
    };
}
