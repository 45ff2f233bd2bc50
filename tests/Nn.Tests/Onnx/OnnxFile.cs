using ManagedFed.Nn;
using Microsoft.ML.OnnxRuntime;

namespace ManagedFed.Tests;

/// <summary>A model exported to a file of its own, and what ONNX Runtime makes of it.</summary>
internal sealed class OnnxFile : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("onnx").FullName;

    public string Path => System.IO.Path.Combine(folder, "model.onnx");

    public void Dispose() => Directory.Delete(folder, recursive: true);

    /// <summary>Exports a function of a module at batch size 3 and compares it with the runtime at 3, 1 and 7, optimised and as written.</summary>
    /// <param name="module">The module.</param>
    /// <param name="forward">The function.</param>
    /// <param name="inputs">The function's inputs for a batch size.</param>
    /// <param name="tolerance">Of the absolute error, and of the relative one.</param>
    public static void Agrees(Module module, Func<Tensor[], Tensor[]> forward, Func<int, Tensor[]> inputs, double tolerance = 1e-5)
    {
        using var file = new OnnxFile();
        Onnx.Export(module, forward, inputs(3), file.Path);
        module.Eval();
        foreach (var optimised in (bool[])[false, true])
        {
            using var session = file.Open(optimised);
            foreach (var batch in (int[])[3, 1, 7])
            {
                var x = inputs(batch);
                var (expected, actual) = (forward(x), Run(session, x));
                Assert.Equal(expected.Length, actual.Length);
                foreach (var (y, z) in expected.Zip(actual))
                {
                    Assert.Equal((y.Shape, y.DType), (z.Shape, z.DType));
                    TestValues.Close(y.AsType(DType.Float64).ToArray<double>(), z, tolerance);
                }
            }
        }
    }

    /// <summary>The same for a module of one input.</summary>
    public static void Agrees(Module module, Func<int, Tensor> input, double tolerance = 1e-5) =>
        Agrees(module, x => [module.Forward(x[0])], batch => [input(batch)], tolerance);

    public InferenceSession Open(bool optimised = true)
    {
        using var options = new SessionOptions
        {
            GraphOptimizationLevel = optimised ? GraphOptimizationLevel.ORT_ENABLE_ALL : GraphOptimizationLevel.ORT_DISABLE_ALL,
            IntraOpNumThreads = 1,
        };
        return new(Path, options);
    }

    public static Tensor[] Run(InferenceSession session, params Tensor[] inputs)
    {
        var values = Array.ConvertAll(inputs, ToRuntime);
        try
        {
            using var run = new RunOptions();
            using var outputs = session.Run(run, session.InputNames, values, session.OutputNames);
            return [.. outputs.Select(FromRuntime)];
        }
        finally
        {
            foreach (var value in values) value.Dispose();
        }
    }

    private static OrtValue ToRuntime(Tensor x) => x.DType switch
    {
        DType.Bool => ToRuntime<bool>(x),
        DType.UInt8 => ToRuntime<byte>(x),
        DType.Int32 => ToRuntime<int>(x),
        DType.UInt32 => ToRuntime<uint>(x),
        DType.Int64 => ToRuntime<long>(x),
        DType.Float64 => ToRuntime<double>(x),
        _ => ToRuntime<float>(x),
    };

    private static OrtValue ToRuntime<T>(Tensor x) where T : unmanaged =>
        OrtValue.CreateTensorValueFromMemory(x.ToArray<T>(), [.. x.Shape.Select(size => (long)size)]);

    private static Tensor FromRuntime(OrtValue value)
    {
        var info = value.GetTensorTypeAndShape();
        Shape shape = [.. info.Shape.Select(size => (int)size)];
        return info.ElementDataType.ToString() switch
        {
            "Bool" => Tensor.From(value.GetTensorDataAsSpan<bool>(), shape),
            "UInt8" => Tensor.From(value.GetTensorDataAsSpan<byte>(), shape),
            "Int32" => Tensor.From(value.GetTensorDataAsSpan<int>(), shape),
            "UInt32" => Tensor.From(value.GetTensorDataAsSpan<uint>(), shape),
            "Int64" => Tensor.From(value.GetTensorDataAsSpan<long>(), shape),
            "Double" => Tensor.From(value.GetTensorDataAsSpan<double>(), shape),
            _ => Tensor.From(value.GetTensorDataAsSpan<float>(), shape),
        };
    }
}
