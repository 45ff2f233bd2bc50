using ManagedFed.Graph;
using F = ManagedFed.Kernels;

namespace ManagedFed.Ops;

/// <summary>What the three operations of a convolution share: each is linear in both inputs, and the others are its gradients.</summary>
internal abstract record ConvOp(F.ConvWindow Window) : Op
{
    public override bool WidensRules => false;

    public override NdArray Operand(int i, NdArray x, Shape output) => x.Contiguous();

    /// <summary>A batch of images (B, N, …, C) as images of B·C channels (N, …, B·C): each member is a group, or several.</summary>
    protected static Tensor ChannelsOfMembers(Tensor batch) => batch.MoveAxis(0, 3).Flatten(3, 4);

    /// <summary>The way back for so many members.</summary>
    protected static Tensor MembersOfChannels(Tensor images, int size) =>
        images.Reshape([.. images.Shape.Sizes[..3], size, images.Shape[3] / size]).MoveAxis(3, 0);

    protected F.ConvWindow Grouped(int members) => Window with { Groups = Window.Groups * members };
}

/// <summary>y = x ∗ w (+ bias): images (N, H, W, C) and weights (O, KH, KW, C/G) give (N, OH, OW, O). Inputs: x, w, perhaps bias (O,).</summary>
internal sealed record Conv2dOp(F.ConvWindow Window) : ConvOp(Window)
{
    public override string Name => "conv2d";

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x)
    {
        var (images, weights) = (x[0].Shape, x[1].Shape);
        var (stride, padding, dilation, groups) = Window;
        if (images.Rank != 4 || weights.Rank != 4) Throw.Argument(Name, $"images {images} and weights {weights}, expected (N, H, W, C) and (O, KH, KW, C)");
        if (!x[0].DType.IsFloating()) Throw.DTypeMismatch(Name, x[0].DType, "a floating type; convert with AsType");
        if (images[3] % groups != 0 || weights[0] % groups != 0)
        {
            Throw.Argument(Name, $"images {images} and weights {weights}: neither C = {images[3]} nor O = {weights[0]} may leave a rest in {groups} groups");
        }
        if (images[3] / groups != weights[3])
        {
            var hint = images[1] == weights[3] * groups ? "; the channels come last here" : "";
            Throw.Argument(Name, $"images {images} have {images[3] / groups} channels in each of {groups} groups, weights {weights} take {weights[3]}{hint}");
        }
        var rows = F.ConvWindow.Places(images[1], weights[1], stride.Rows, padding.Rows, dilation.Rows);
        var columns = F.ConvWindow.Places(images[2], weights[2], stride.Columns, padding.Columns, dilation.Columns);
        if (rows < 1 || columns < 1)
        {
            Throw.Argument(Name, $"windows of ({weights[1]}, {weights[2]}) do not fit into images of ({images[1]}, {images[2]}) with padding ({padding.Rows}, {padding.Columns})");
        }
        if (x.Length == 3 && x[2].Shape != [weights[0]]) Throw.Argument(Name, $"bias has shape {x[2].Shape}, expected ({weights[0]},)");
        return ([images[0], rows, columns, weights[0]], x[0].DType);
    }

    protected override void Forward(ReadOnlySpan<NdArray> x, NdArray y) => F.Conv.Forward(Window, x[0], x[1], x.Length == 3 ? x[2] : null, y);

    // The walk sums the bias's over all but the last axis.
    public override Tensor Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => i switch
    {
        0 => Tensor.Apply(new ConvImageGrad(Window, x[0].Shape), g, x[1]),
        1 => Tensor.Apply(new ConvWeightGrad(Window, x[1].Shape), g, x[0]),
        _ => g,
    };

    public override Tensor Batch(ReadOnlySpan<Tensor> x, ReadOnlySpan<bool> batched, int size)
    {
        if (x.Length == 3 && batched[2])
        {
            var products = Batch(x[..2], batched[..2], size);
            return products + x[2].Reshape(size, 1, 1, 1, -1);
        }
        if (!batched[1])
        {
            var all = batched[0] ? Tensor.Apply(this, [Batching.Fold(x[0]), .. x[1..]]) : Batching.Fold(Batching.Repeat(Tensor.Apply(this, x), size));
            return all.Reshape([size, all.Shape[0] / size, .. all.Shape.Sizes[1..]]);
        }
        var members = Batching.Stretch(x[..2], batched[..2], size);
        var results = MembersOfChannels(Tensor.Apply(this with { Window = Grouped(size) }, ChannelsOfMembers(members[0]), Batching.Fold(members[1])), size);
        return x.Length == 3 ? results + x[2] : results;
    }
}

/// <summary>The gradient of a convolution for its images, of the given shape. Inputs: g, w.</summary>
internal sealed record ConvImageGrad(F.ConvWindow Window, Shape Images) : ConvOp(Window)
{
    public override string Name => "conv2d_image_grad";

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x) => (Images, x[0].DType);

    protected override void Forward(ReadOnlySpan<NdArray> x, NdArray y) => F.Conv.ImageGradient(Window, x[0], x[1], y);

    public override Tensor Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => i == 0
        ? Tensor.Apply(new Conv2dOp(Window), g, x[1])
        : Tensor.Apply(new ConvWeightGrad(Window, x[1].Shape), x[0], g);

    public override Tensor Batch(ReadOnlySpan<Tensor> x, ReadOnlySpan<bool> batched, int size)
    {
        if (!batched[1])
        {
            var all = Tensor.Apply(this with { Images = Images.With(0, Images[0] * size) }, Batching.Fold(x[0]), x[1]);
            return all.Reshape([size, .. Images.Sizes]);
        }
        var members = Batching.Stretch(x, batched, size);
        var grouped = new ConvImageGrad(Grouped(size), Images.With(3, Images[3] * size));
        return MembersOfChannels(Tensor.Apply(grouped, ChannelsOfMembers(members[0]), Batching.Fold(members[1])), size);
    }
}

/// <summary>The gradient of a convolution for its weights, of the given shape. Inputs: g, x.</summary>
internal sealed record ConvWeightGrad(F.ConvWindow Window, Shape Weights) : ConvOp(Window)
{
    public override string Name => "conv2d_weight_grad";

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x) => (Weights, x[0].DType);

    protected override void Forward(ReadOnlySpan<NdArray> x, NdArray y) => F.Conv.WeightGradient(Window, x[0], x[1], y);

    public override Tensor Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => i == 0
        ? Tensor.Apply(new Conv2dOp(Window), x[1], g)
        : Tensor.Apply(new ConvImageGrad(Window, x[1].Shape), x[0], g);

    public override Tensor Batch(ReadOnlySpan<Tensor> x, ReadOnlySpan<bool> batched, int size)
    {
        var members = Batching.Stretch(x, batched, size);
        var grouped = new ConvWeightGrad(Grouped(size), Weights.With(0, Weights[0] * size));
        return Tensor.Apply(grouped, ChannelsOfMembers(members[0]), ChannelsOfMembers(members[1])).Reshape([size, .. Weights.Sizes]);
    }
}
