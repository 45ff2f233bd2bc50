namespace ManagedFed.Kernels;

/// <summary>
/// The innermost step of a matrix product: one small tile of C, whose sums stay in registers.
/// </summary>
internal unsafe interface IGemmKernel<T> where T : unmanaged
{
    /// <summary>Rows of the largest tile.</summary>
    static abstract int MR { get; }

    /// <summary>Columns of every tile.</summary>
    static abstract int NR { get; }

    /// <summary>False when the kernel loads a column of A as vectors, so that rows must lie next to each other (rsa = 1).</summary>
    static abstract bool ReadsStridedA { get; }

    /// <summary>How many rows the next tile takes when <paramref name="left"/> are left; the last tile may overhang.</summary>
    static abstract int Rows(nint left);

    /// <summary>
    /// C[i, j] = epilogue(Σₖ A[i, k]·B[k, j] + (accumulate ? C[i, j] : 0)) for i &lt; rows, j &lt; NR, the sum in order of k.
    /// </summary>
    /// <remarks>
    /// A[i, k] is at <c>a[i·rsa + k·csa]</c>, B[k, j] at <c>b[k·rsb + j]</c>, C[i, j] at <c>c[i·rsc + j]</c>; all of them must be
    /// readable, and C writable, over the whole tile. Without <paramref name="accumulate"/> C is not read. Each element takes the
    /// same operations whatever the rows and strides.
    /// </remarks>
    /// <param name="rows">A height that <see cref="Rows"/> has given.</param>
    /// <param name="depth">The number of terms, at least 0.</param>
    /// <param name="a">The first element of A's rows.</param>
    /// <param name="rsa">The distance of A's rows, in elements.</param>
    /// <param name="csa">The distance of A's columns.</param>
    /// <param name="b">The first element of B's columns.</param>
    /// <param name="rsb">The distance of B's rows.</param>
    /// <param name="c">The tile's first element.</param>
    /// <param name="rsc">The distance of C's rows.</param>
    /// <param name="accumulate">Whether the sums begin with C, or with 0.</param>
    /// <param name="epilogue">Applied to each sum before it is stored.</param>
    /// <param name="row">The tile's first row as the epilogue counts them.</param>
    /// <param name="column">The tile's first column as the epilogue counts them.</param>
    static abstract void Tile<TEpilogue>(
        int rows, nint depth, T* a, nint rsa, nint csa, T* b, nint rsb, T* c, nint rsc, bool accumulate,
        TEpilogue epilogue, nint row, nint column) where TEpilogue : unmanaged, IEpilogue<T>;
}
