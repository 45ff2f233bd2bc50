using ManagedFed.Graph;
using ManagedFed.Ops;
using Xunit;

namespace ManagedFed.Tests;

/// <summary>No operation may lack a row in the table that checks its derivatives and its rule for batches.</summary>
public sealed class OpCoverageTests
{
    [Fact]
    public void Table_OfOperations_MissesNone()
    {
        var missing = typeof(Op).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(Op)) && !type.IsAbstract).ToHashSet();
        missing.Remove(typeof(Placeholder));
        foreach (var (_, row) in OpTable.Rows)
        {
            var x = row.Draw(new Random(3));
            Tensor[] First(IReadOnlyList<Tensor> v) => Transforms.GradAll(u => row.F([.. u]).Square().Sum())(v);
            Tensor[] roots = [row.F(x), .. First(x), .. Transforms.GradAll(v => First(v).Select(g => g.Square().Sum()).Aggregate((a, b) => a + b))(x)];
            foreach (var op in Operations(roots)) missing.Remove(op.GetType().IsGenericType ? op.GetType().GetGenericTypeDefinition() : op.GetType());
        }

        Assert.Empty(missing.Select(type => type.Name));
    }

    private static IEnumerable<Op> Operations(Tensor[] roots)
    {
        var seen = new HashSet<Tensor>(roots);
        var stack = new Stack<Tensor>(roots);
        while (stack.TryPop(out var node))
        {
            if (node.Op is { } op) yield return op;
            foreach (var input in node.Inputs)
            {
                if (seen.Add(input)) stack.Push(input);
            }
        }
    }
}
