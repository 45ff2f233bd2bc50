using ManagedFed.Nn;

namespace ManagedFed.Tests;

public sealed class MatrixInitTests
{
    private static readonly RandomKey Key = RandomKey.FromSeed(4);

    [Fact]
    public void Identity_OfASquare_HasTheGainOnItsDiagonal()
    {
        TestValues.Close([2, 0, 0, 2], Init.Identity([2, 2], 2), 0);
        LayerCheck.Refuses("[identity] shape (2, 3) is not square, expected (2, 2) or (3, 3)", () => Init.Identity([2, 3]));
    }

    // ⌈0.3·7⌉ = 3 zeros in each row.
    [Fact]
    public void Sparse_OfAMatrix_HasItsZerosInEachRow()
    {
        var rows = Init.Sparse(Key, [50, 7], 0.3, 5, 0.1).ToArray<float>().Chunk(7).ToArray();
        Assert.All(rows, row => Assert.Equal(3, row.Count(v => v == 0)));
        Assert.All(rows.SelectMany(row => row).Where(v => v != 0), v => Assert.InRange(v, 4, 6));

        // Zero in a place with probability 3/7: of 50 rows 21.4 ± 3.5.
        for (var column = 0; column < 7; column++) Assert.InRange(rows.Count(row => row[column] == 0), 7, 36);
        Assert.All(Init.Sparse(Key, [3, 4], 1).ToArray<float>(), v => Assert.Equal(0, v));
        Assert.DoesNotContain(0f, Init.Sparse(Key, [3, 4], 0).ToArray<float>());
    }

    [Theory]
    [InlineData(5, 5)]
    [InlineData(3, 8)]
    [InlineData(8, 3)]
    [InlineData(1, 1)]
    public void Orthogonal_OfAMatrix_HasOrthonormalRowsOrColumns(int rows, int columns)
    {
        var q = Init.Orthogonal(Key, [rows, columns], 3, DType.Float64);
        Assert.Equal([rows, columns], q.Shape);
        var gram = rows <= columns ? q.MatMul(q.T) : q.T.MatMul(q);
        TestValues.Close(Init.Identity(gram.Shape, 9, DType.Float64).ToArray<double>(), gram, 1e-14);
    }

    // The mean square of an element of a random orthogonal n×n matrix is 1/n, its mean 0.
    [Fact]
    public void Orthogonal_OfManyKeys_PointsEverywhere()
    {
        var corners = Key.Split(2000).Select(key => Init.Orthogonal(key, [3, 3], dtype: DType.Float64)[0, 0].Item<double>()).ToArray();
        Assert.Equal(0, corners.Average(), 0.06);
        Assert.Equal(1.0 / 3, corners.Average(v => v * v), 0.035);
    }

    [Fact]
    public void Rules_OfNoMatrix_AreRefused()
    {
        var error = Assert.Throws<ArgumentException>(() => Init.Orthogonal(Key, [2, 3, 4]));
        Assert.Equal("[orthogonal] shape (2, 3, 4) has 3 axes, expected a matrix", error.Message);
        Assert.Throws<ArgumentException>(() => Init.Identity([2]));
        Assert.Throws<ArgumentException>(() => Init.Sparse(Key, [2], 0.5));
        error = Assert.Throws<ArgumentException>(() => Init.Sparse(Key, [2, 2], 1.5));
        Assert.Equal("[sparse] sparsity 1.5 lies outside [0, 1]", error.Message);
    }
}
