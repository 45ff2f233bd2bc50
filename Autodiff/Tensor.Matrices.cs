using ManagedFed.Ops;

namespace ManagedFed;

// Matrices and grids: diagonals, triangles, coordinates.
public sealed partial class Tensor
{
    /// <summary>A matrix (rows, columns) with ones where column − row = k, zeros elsewhere.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A number of rows or columns is negative.</exception>
    public static Tensor Eye(int rows, int columns, int k = 0, DType dtype = DType.Float32)
    {
        var (row, column) = Grid("eye", rows, columns, k);
        return (row == column).AsType(dtype);
    }

    /// <summary>The identity matrix of shape (n, n).</summary>
    public static Tensor Identity(int n, DType dtype = DType.Float32) => Eye(n, dtype);

    /// <summary>A matrix (rows, columns) with ones on and below diagonal k (column − row ≤ k), zeros above.</summary>
    /// <param name="rows">The number of rows.</param>
    /// <param name="columns">The number of columns; none means as many as rows.</param>
    /// <param name="k">The diagonal: positive above the main one, negative below.</param>
    /// <param name="dtype">The type.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number of rows or columns is negative.</exception>
    public static Tensor Tri(int rows, int? columns = null, int k = 0, DType dtype = DType.Float32)
    {
        var (row, column) = Grid("tri", rows, columns ?? rows, k);
        return (row >= column).AsType(dtype);
    }

    /// <summary>The numbers of rows, moved on to diagonal k, and of columns.</summary>
    private static (Tensor Row, Tensor Column) Grid(string op, int rows, int columns, int k)
    {
        Throw.Unless(rows >= 0, op, nameof(rows), rows, "0 or more");
        Throw.Unless(columns >= 0, op, nameof(columns), columns, "0 or more");
        return ((Arange(0, rows, dtype: DType.Int64) + Full([], k, DType.Int64)).ExpandDims(1), Arange(0, columns, dtype: DType.Int64));
    }

    /// <summary>The last two axes' lower triangle: zeros above diagonal k.</summary>
    /// <exception cref="ArgumentException">The tensor has fewer than two axes.</exception>
    public Tensor Tril(int k = 0)
    {
        var (rows, columns) = Matrix("tril");
        return Where(Tri(rows, columns, k, DType.Bool), this, ZerosLike());
    }

    /// <summary>The last two axes' upper triangle: zeros below diagonal k.</summary>
    /// <exception cref="ArgumentException">The tensor has fewer than two axes.</exception>
    public Tensor Triu(int k = 0)
    {
        var (rows, columns) = Matrix("triu");
        return Where(Tri(rows, columns, k - 1, DType.Bool), ZerosLike(), this);
    }

    /// <summary>A diagonal matrix of a vector (n,), or the diagonal of a matrix; k counts diagonals from the main one, up positive.</summary>
    /// <exception cref="ArgumentException">The tensor has neither one nor two axes.</exception>
    public Tensor Diag(int k = 0)
    {
        if (Rank == 2) return Diagonal(k);
        if (Rank != 1) Throw.Argument("diag", $"shape {Shape} is neither a vector nor a matrix; use Diagonal for more axes");
        var size = Shape.Size("diag", Shape[0] + Math.Abs((long)k));
        return Apply(new DiagonalEmbed(k, size, size), this);
    }

    /// <summary>Elements i, i + offset of two axes, which become one, the last; a view.</summary>
    /// <exception cref="ArgumentException">The axes are the same.</exception>
    public Tensor Diagonal(int offset = 0, int axis1 = 0, int axis2 = 1)
    {
        (axis1, axis2) = (Shape.Axis(axis1, "diagonal"), Shape.Axis(axis2, "diagonal"));
        if (axis1 == axis2) Throw.Argument("diagonal", $"axis {axis1} appears twice for shape {Shape}");
        int[] order = [.. Enumerable.Range(0, Rank).Where(axis => axis != axis1 && axis != axis2), axis1, axis2];
        return Apply(new Diagonal(offset), Transpose(order));
    }

    /// <summary>The sum of a diagonal of two axes; bool is counted as int32, uint8 as uint32.</summary>
    public Tensor Trace(int offset = 0, int axis1 = 0, int axis2 = 1) => Diagonal(offset, axis1, axis2).Sum(-1);

    /// <summary>The last two axes exchanged.</summary>
    /// <exception cref="ArgumentException">The tensor has fewer than two axes.</exception>
    public Tensor MatrixTranspose()
    {
        Matrix("matrix_transpose");
        return SwapAxes(-1, -2);
    }

    /// <summary>count numbers from start to stop in equal steps, both ends included.</summary>
    /// <param name="start">The first number.</param>
    /// <param name="stop">The last, or with no endpoint the one that would follow.</param>
    /// <param name="count">0 or more; one number is <paramref name="start"/>.</param>
    /// <param name="endpoint">Whether <paramref name="stop"/> is among them.</param>
    /// <param name="dtype">The type; numbers are computed in double.</param>
    /// <exception cref="ArgumentException">count is negative.</exception>
    public static Tensor LinSpace(double start, double stop, int count = 50, bool endpoint = true, DType dtype = DType.Float32)
    {
        if (count < 0) Throw.Argument("linspace", $"count is {count}, expected 0 or more");
        var values = new double[count];
        var steps = endpoint ? count - 1 : count;
        for (var i = 0; i < count; i++) values[i] = i == 0 ? start : start + (stop - start) * ((double)i / steps);
        if (endpoint && count > 1) values[^1] = stop;
        return Own(NdArray.From<double>(values).AsType(dtype));
    }

    /// <summary>Coordinates of a grid from vectors of them: for each vector a tensor in which it runs along its own axis.</summary>
    /// <param name="vectors">Tensors of one axis or none.</param>
    /// <param name="matrixIndexing">False exchanges the first two axes, so that x runs along columns, as NumPy's "xy"; true is "ij".</param>
    /// <param name="sparse">Leaves the other axes at size 1, for broadcasting.</param>
    /// <exception cref="ArgumentException">One has more axes.</exception>
    public static Tensor[] MeshGrid(IReadOnlyList<Tensor> vectors, bool matrixIndexing = false, bool sparse = false)
    {
        ArgumentNullException.ThrowIfNull(vectors);
        var grids = new Tensor[vectors.Count];
        for (var i = 0; i < grids.Length; i++)
        {
            if (vectors[i].Rank > 1) Throw.Argument("meshgrid", $"vector {i} has shape {vectors[i].Shape}, expected one axis");
            var axis = !matrixIndexing && i < 2 && grids.Length > 1 ? 1 - i : i;
            var sizes = Enumerable.Repeat(1, grids.Length).ToArray();
            sizes[axis] = Shape.Size("meshgrid", vectors[i].Count);
            grids[i] = vectors[i].Reshape(Shape.FromOwned(sizes));
        }
        return sparse ? grids : BroadcastArrays(grids);
    }

    private (int Rows, int Columns) Matrix(string name)
    {
        if (Rank < 2) Throw.Argument(name, $"shape {Shape} has fewer than two axes");
        return (Shape[-2], Shape[-1]);
    }
}
