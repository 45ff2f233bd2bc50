using ManagedFed.Nn;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace ManagedFed.Tests;

/// <summary>A model exported to a file of its own, and what ONNX Runtime makes of it.</summary>
internal sealed class OnnxFile : IDisposable
{
    private static readonly Dictionary<TensorElementType, DType> Types = new()
    {
        [TensorElementType.Bool] = DType.Bool,
        [TensorElementType.UInt8] = DType.UInt8,
        [TensorElementType.Int8] = DType.Int8,
        [TensorElementType.Int16] = DType.Int16,
        [TensorElementType.UInt16] = DType.UInt16,
        [TensorElementType.Int32] = DType.Int32,
        [TensorElementType.UInt32] = DType.UInt32,
        [TensorElementType.Int64] = DType.Int64,
        [TensorElementType.UInt64] = DType.UInt64,
        [TensorElementType.Float16] = DType.Float16,
        [TensorElementType.BFloat16] = DType.BFloat16,
        [TensorElementType.Float] = DType.Float32,
        [TensorElementType.Double] = DType.Float64,
    };

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

    private static OrtValue ToRuntime(Tensor x)
    {
        var type = Types.Single(entry => entry.Value == x.DType).Key;
        var value = OrtValue.CreateAllocatedTensorValue(OrtAllocator.DefaultInstance, type, [.. x.Shape.Select(size => (long)size)]);
        x.Reshape(-1).View(DType.UInt8).ToArray<byte>().CopyTo(value.GetTensorMutableRawData());
        return value;
    }

    private static Tensor FromRuntime(OrtValue value)
    {
        var info = value.GetTensorTypeAndShape();
        var bytes = Tensor.From<byte>(value.GetTensorMutableRawData());
        var dtype = Types[info.ElementDataType];
        return (dtype == DType.Bool ? bytes.AsType(dtype) : bytes.View(dtype)).Reshape([.. info.Shape.Select(size => (int)size)]);
    }
}
