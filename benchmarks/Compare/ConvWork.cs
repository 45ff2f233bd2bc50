using ManagedFed.Benchmarks.Limits;
using TorchSharp;
using TorchTensor = TorchSharp.torch.Tensor;

namespace ManagedFed.Benchmarks.Compare;

/// <summary>Rows of single convolutions: forward, and forward with the gradients that training asks for.</summary>
/// <remarks>Each engine has the images in its own order: ours (N, H, W, C), TorchSharp's (N, C, H, W).</remarks>
/// <param name="Batch">Images.</param>
/// <param name="Size">Rows and columns of an image; the padding keeps them.</param>
/// <param name="Inputs">Channels of an image; of 1 it is a first layer's, whose gradient nobody asks for.</param>
/// <param name="Outputs">Channels of a result.</param>
/// <param name="Kernel">Rows and columns of a window, odd.</param>
internal sealed record ConvWork(int Batch, int Size, int Inputs, int Outputs, int Kernel)
{
    private bool IsFirst => Inputs == 1;

    private int Padding => Kernel / 2;

    private double Flops => 2.0 * Batch * Size * Size * Outputs * Kernel * Kernel * Inputs;

    private string Name => $"{Kernel}x{Kernel} {Inputs}->{Outputs} on {Size}x{Size}, batch {Batch}";

    /// <summary>The two convolutions of the MNIST sample, and one of the kind that deeper networks consist of.</summary>
    public static IEnumerable<Work> Rows()
    {
        ConvWork[] shapes = [new(64, 28, 1, 16, 5), new(64, 14, 16, 32, 5), new(16, 32, 64, 64, 3)];
        return shapes.SelectMany(shape => new[] { shape.Create(training: false), shape.Create(training: true) });
    }

    private Work Create(bool training) => new(
        $"conv2d {Name}{(training ? ", with gradients" : "")}", new Cost.Arithmetic(Flops * (!training ? 1 : IsFirst ? 2 : 3)), 1e-3,
        () => Ours(training), () => Theirs(training));

    private Side Ours(bool training)
    {
        var images = Tensor.From<float>(Images(), [Batch, Size, Size, Inputs]);
        var weights = Tensor.From<float>(Weights(), [Outputs, Kernel, Kernel, Inputs]);
        var gradient = Tensor.From<float>(Gradient(), [Batch, Size, Size, Outputs]);
        return new Side(
            () =>
            {
                var results = Step();
                Tensor.Eval(results);
                foreach (var result in results) result.Dispose();
            },
            () =>
            {
                var results = Step();
                Tensor.Eval(results);
                return [.. results.SelectMany(result => result.ToArray<float>())];
            });

        Tensor[] Step()
        {
            if (!training) return [images.Conv2d(weights, padding: Padding)];
            var (outputs, gradients) = Transforms.Vjp(
                x => [(IsFirst ? images : x[1]).Conv2d(x[0], padding: Padding)], IsFirst ? [weights] : [weights, images], [gradient]);
            return [outputs[0], .. gradients];
        }
    }

    private Side Theirs(bool training)
    {
        var images = ChannelsFirst(torch.tensor(Images()).reshape(Batch, Size, Size, Inputs)).requires_grad_(training && !IsFirst);
        var weights = ChannelsFirst(torch.tensor(Weights()).reshape(Outputs, Kernel, Kernel, Inputs)).requires_grad_(training);
        var gradient = ChannelsFirst(torch.tensor(Gradient()).reshape(Batch, Size, Size, Outputs));
        return new Side(
            () =>
            {
                foreach (var result in Step()) result?.Dispose();
            },
            () =>
            {
                var results = Step();
                float[] numbers = [.. results.SelectMany(result => ChannelsLast(result!).data<float>().ToArray())];
                foreach (var result in results) result?.Dispose();
                return numbers;
            },
            images, weights, gradient);

        TorchTensor?[] Step()
        {
            if (!training) return [torch.nn.functional.conv2d(images, weights, padding: [Padding, Padding])];
            var result = torch.nn.functional.conv2d(images, weights, padding: [Padding, Padding]);
            result.backward([gradient]);
            TorchTensor?[] results = IsFirst ? [result, weights.grad] : [result, weights.grad, images.grad];
            (weights.grad, images.grad) = (null, null);
            return results;
        }
    }

    private static TorchTensor ChannelsFirst(TorchTensor x) => x.permute(0, 3, 1, 2).contiguous();

    private static TorchTensor ChannelsLast(TorchTensor x) => x.detach().permute(0, 2, 3, 1).contiguous();

    private float[] Images() => Values(Batch * Size * Size * Inputs, 0);

    private float[] Weights() => Values(Outputs * Kernel * Kernel * Inputs, 1);

    private float[] Gradient() => Values(Batch * Size * Size * Outputs, 2);

    // Not centred, so that sums are no small differences of large numbers.
    private static float[] Values(int count, int seed)
    {
        var random = new Random(seed);
        var values = new float[count];
        for (var i = 0; i < count; i++) values[i] = random.NextSingle() * 2 - 0.5f;
        return values;
    }
}
