using Xunit;

namespace ManagedFed.Tests;

public sealed class PrinterTests
{
    private static Tensor F(Tensor x, Tensor y) => (x * y + x).Sum(-1);

    [Fact]
    public void PrintGraph_AsText_NamesOperationsInOrder()
    {
        Tensor x = Tensor.From<float>([1, 2], [1, 2]), y = Tensor.From<float>(3, 4);
        Assert.Equal(
            """
            %0 = value : float32 (1, 2)
            %1 = value : float32 (2,)
            %2 = multiply %0 %1 : float32 (1, 2)
            %3 = add %2 %0 : float32 (1, 2)
            %4 = sum[Axes = (1)] %3 : float32 (1, 1)
            %5 = reshape[To = (1,)] %4 : float32 (1,)

            """,
            Tensor.PrintGraph(GraphFormat.Text, F(x, y)));
    }

    [Fact]
    public void PrintGraph_OfAComputedTensor_IsItsValue()
    {
        var x = Tensor.From<float>(1, 2);
        Assert.Equal("%0 = value : float32 (2,)\n", Tensor.PrintGraph(GraphFormat.Text, (x + 1).Eval()));
    }

    [Fact]
    public void PrintGraph_AsDot_DrawsAnEdgeForEachInput()
    {
        var x = Tensor.From<float>(1, 2);
        Assert.Equal(
            """
            digraph {
              node [shape=box, fontname=monospace]
              n0 [label="value\nfloat32 (2,)", shape=ellipse]
              n1 [label="multiply\nfloat32 (2,)"]
              n0 -> n1
              n0 -> n1
            }

            """,
            Tensor.PrintGraph(GraphFormat.Dot, x * x));
    }

    [Fact]
    public void PrintGraph_OfACompiledFunction_ShowsItsPasses()
    {
        var compiled = Transforms.Compile((Tensor[] v) => [F(v[0], v[1]).Exp()]);
        compiled.Invoke(Tensor.Ones([3, 4]), Tensor.Ones([4]));

        Assert.Equal(
            """
            %0 = argument : float32 (3, 4)
            %1 = argument : float32 (4,)
            %2 = multiply %0 %1 : float32 (3, 4)  # pass 0
            %3 = add %2 %0 : float32 (3, 4)  # pass 0
            %4 = sum[Axes = (1)] %3 : float32 (3, 1)  # pass 0
            %5 = reshape[To = (3,)] %4 : float32 (3,)
            %6 = exp %5 : float32 (3,)  # pass 1

            """,
            compiled.PrintGraph());
        Assert.Equal(2, compiled.Statistics.Kernels);
        Assert.Equal(compiled.PrintGraph().Replace("  # pass 0", "", StringComparison.Ordinal).Replace("  # pass 1", "", StringComparison.Ordinal), compiled.PrintGraph(fused: false));
        Assert.Contains("subgraph cluster_0 { label=\"pass 0\"\n  n2 [label=\"multiply", compiled.PrintGraph(GraphFormat.Dot), StringComparison.Ordinal);
    }
}
