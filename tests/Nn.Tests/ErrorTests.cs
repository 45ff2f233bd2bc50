using ManagedFed.Nn.Data;
using ManagedFed.Tests;

namespace ManagedFed.Nn.Tests;

/// <summary>Messages that no other test states.</summary>
public sealed class ErrorTests
{
    private static CsvTable Table(string text) => Csv.Read(new StringReader(text));

    private static Tensor Of(params int[] sizes) => Tensor.Zeros(Shape.Create(sizes));

    public static TheoryData<string, Action> Cases => new()
    {
        { "[dropout] probability 1 lies outside [0, 1)", () => _ = new Dropout(1, default) },
        { "[cross_entropy] label smoothing 1 lies outside [0, 1)", () => Losses.CrossEntropy(Of(2, 3), Tensor.From(0, 1), labelSmoothing: 1) },
        { "[cross_entropy] dtype is int32, expected a floating type for logits", () => Losses.CrossEntropy(Tensor.From(0, 1), Tensor.From(0)) },
        { "[cross_entropy] not a reduction", () => Losses.CrossEntropy(Of(2, 3), Tensor.From(0, 1), reduction: (Reduction)9) },
        { "[clip_grad_norm] largest norm -1 lies outside [0, ∞)", () => Optimizer.ClipGradNorm(TestValues.Tree(("w", Of(2))), -1) },
        { "[clip_grad_norm] there are no gradients", () => Optimizer.ClipGradNorm(TestValues.Tree(), 1) },
        { "[clip_grad_value] limit NaN lies outside [0, ∞)", () => Optimizer.ClipGradValue(TestValues.Tree(), double.NaN) },
        { "[dataset] inputs (2,) and labels (3,) differ in their number of rows", () => _ = new Dataset(NdArray.Zeros([2]), NdArray.Zeros([3])) },
        { "[gather_rows] a scalar has no rows", () => NdArray.Zeros([]).GatherRows([0]) },
        { "[csv] a quote or a line break cannot separate fields", () => Csv.Read(new StringReader("a"), new() { Separator = '"' }) },
        { "[csv] there is no column beside the label a", () => Table("a\n1\n").ToDataset("a") },
        { "[csv] dtype is int32, expected a floating type for the inputs", () => Table("a,b\n1,2\n").ToDataset("a", dtype: DType.Int32) },
        { "[csv] label 3000000000 of column a does not fit int32", () => Table("a,b\n3000000000,1\n").ToDataset("a") },
        { "[idx] the stream cannot seek; copy it to a MemoryStream or a file first", () => Idx.Read(new OneWay()) },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Call_WithBadInput_SaysWhatIsWrong(string message, Action call) =>
        Assert.StartsWith(message, Assert.ThrowsAny<Exception>(call).Message, StringComparison.Ordinal);

    private sealed class OneWay : MemoryStream
    {
        public override bool CanSeek => false;
    }
}
