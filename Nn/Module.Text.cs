using System.Globalization;
using System.Text;

namespace ManagedFed.Nn;

// What a module says of itself.
public abstract partial class Module
{
    /// <summary>What a layer was made with, such as <c>784 → 32</c>; empty for none.</summary>
    private protected virtual string Settings => "";

    /// <summary>A table of this module and all below it: name, kind with its settings, shapes and number of its own parameters.</summary>
    /// <remarks>
    /// Buffers and frozen parameters are marked, for they are not trained. A module that is reached twice stands once, under its first
    /// name. The last lines count all numbers, those that are trained, and the bytes they take.
    /// </remarks>
    public override string ToString()
    {
        var rows = new List<string[]>();
        foreach (var (path, module) in NamedModules())
        {
            var own = module.members.Where(member => member.Parameter is not null).Select(member => member.Parameter!).ToArray();
            var kind = module.GetType().Name + (module.Settings.Length == 0 ? "" : $"({module.Settings})");
            rows.Add([path.Length == 0 ? "(this)" : path, kind, string.Join(", ", own.Select(Describe)), own.Length == 0 ? "" : Number(own.Sum(p => p.Shape.Count))]);
        }
        var widths = Enumerable.Range(0, 3).Select(i => rows.Max(row => row[i].Length)).ToArray();
        var text = new StringBuilder();
        foreach (var row in rows)
        {
            text.Append(string.Join("  ", row.Select((cell, i) => i < 3 ? cell.PadRight(widths[i]) : cell)).TrimEnd()).Append('\n');
        }
        var all = NamedParameters().Select(entry => entry.Value).ToArray();
        var trained = all.Where(parameter => parameter.IsTrainable).Sum(parameter => parameter.Shape.Count);
        var bytes = all.Sum(parameter => (long)parameter.Shape.Count * parameter.DType.Size());
        return text.Append(CultureInfo.InvariantCulture, $"{Number(all.Sum(parameter => parameter.Shape.Count))} parameters, {Number(trained)} trainable, {Number(bytes)} bytes, in {(Training ? "training" : "evaluation")}").ToString();

        static string Describe(Parameter parameter) =>
            $"{parameter.Name} {parameter.Shape}{(parameter.DType == DType.Float32 ? "" : $" {parameter.DType.Name()}")}{(parameter.IsBuffer ? " buffer" : parameter.IsFrozen ? " frozen" : "")}";

        static string Number(long count) => count.ToString("N0", CultureInfo.InvariantCulture);
    }
}
