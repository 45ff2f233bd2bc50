using System.Diagnostics;
using System.Reflection;
using Xunit;

namespace ManagedFed.Tests;

/// <summary>What values say of themselves, to a reader and to a debugger.</summary>
public sealed class TextTests
{
    [Fact]
    public void Debugger_ShowsATensorWithoutComputingIt()
    {
        var x = Tensor.Arange(6).Reshape(2, 3);
        var y = x + x;
        Assert.Equal("int32 (2, 3), add, not computed", Shown(y));
        Assert.Null(y.Data);
        y.Eval();
        Assert.Equal("int32 (2, 3), computed", Shown(y));
        y.Dispose();
        Assert.Equal("int32 (2, 3), disposed of", Shown(y));
        Transforms.Vmap(v =>
        {
            Assert.Equal("int32 (3,), an argument of vmap", Shown(v));
            return v;
        })(x);

        static string Shown(Tensor tensor)
        {
            var display = typeof(Tensor).GetCustomAttribute<DebuggerDisplayAttribute>()!.Value;
            Assert.Equal("{DebugText,nq}", display);
            return (string)typeof(Tensor).GetProperty("DebugText", BindingFlags.NonPublic | BindingFlags.Instance)!.GetValue(tensor)!;
        }
    }

    [Fact]
    public void ToString_OfEachPublicType_SaysWhatItIs()
    {
        var x = Tensor.From(new float[,] { { 1, 2 }, { 3, 4 } });
        var f = Transforms.Compile((Tensor[] v) => [v[0] + 1]);
        f.Invoke(x);
        Assert.Equal("CompiledFunction CompileStatistics { Traces = 1, Replays = 1, Nodes = 1, Kernels = 1 }", f.ToString());
        Assert.Equal("CustomFunction with Vjp, Vmap", new CustomFunction(v => v) { Vjp = (v, g, y) => g, Vmap = (v, m) => v }.ToString());
        Assert.Equal("CustomFunction with no rules of its own", new CustomFunction(v => v).ToString());
        Assert.Equal("elements [^1, 0..1, ::-1, newaxis, ..., int32 (3,)] of float32 (2, 2)", x.At[-1, 0..1, TensorIndex.Slice(step: -1), TensorIndex.NewAxis, TensorIndex.Ellipsis, Tensor.Arange(3)].ToString());
        Assert.Equal("elements of float32 (2, 2)", x.At.ToString());
        Assert.Equal("{w: (2, 2), rest: [(2, 2)]}", new Tree { ["w"] = x, ["rest"] = new Tree { x } }.ToString());
        Assert.Equal("RandomKey { Word0 = 0, Word1 = 7 }", RandomKey.FromSeed(7).ToString());
        Assert.Equal("(2, 2)", x.Shape.ToString());
        Assert.Equal("[[1. 2.]\n [3. 4.]]", x.ToNdArray().ToString());
    }

    [Fact]
    public void PublicClasses_OverrideToString()
    {
        var plain = new[] { typeof(Tensor), typeof(NdArray) }.SelectMany(type => type.Assembly.GetExportedTypes())
            .Where(type => !type.IsEnum && !(type.IsAbstract && type.IsSealed) && !type.IsSubclassOf(typeof(Delegate)) && !type.IsInterface)
            .Where(type => type.GetMethod(nameof(ToString), Type.EmptyTypes)!.DeclaringType is var owner && (owner == typeof(object) || owner == typeof(ValueType)));
        Assert.Empty(plain);
    }
}
