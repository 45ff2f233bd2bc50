using ManagedFed.Nn.Data;
using static ManagedFed.Nn.Tests.Data.PngFiles;

namespace ManagedFed.Nn.Tests.Data;

public sealed class PngTests
{
    private static readonly byte[] End = Chunk("IEND");

    private static void Rejects(string message, byte[] file) =>
        Assert.StartsWith("[png] " + message, Assert.Throws<FormatException>(() => Png.Read(file)).Message, StringComparison.Ordinal);

    // Rows of three grey pixels, one for each filter. None: 1 2 3. Sub adds the left: 1, 1+1, 2+1. Up adds the above: 1+1, 1+2, 1+3.
    // Average adds ⌊(left + up)/2⌋: 1+⌊2/2⌋ = 2, 1+⌊(2+3)/2⌋ = 3, 1+⌊(3+4)/2⌋ = 4. Paeth over 2 3 4: first up (p = 2): 1+2 = 3; then
    // left 3, up 3, corner 2: p = 4, both at distance 1, so left: 1+3 = 4; left 4, up 4, corner 3: 1+4 = 5.
    [Fact]
    public void Read_OfEveryFilter_GivesThePixels()
    {
        var image = Png.Read(File(Header(5, 3), Pixels(0, 1, 2, 3, 1, 1, 1, 1, 2, 1, 1, 1, 3, 1, 1, 1, 4, 1, 1, 1), End));
        Assert.Equal([5, 3], image.Shape);
        Assert.Equal([1, 2, 3, 1, 2, 3, 2, 3, 4, 2, 3, 4, 3, 4, 5], image.AsSpan<byte>().ToArray());
    }

    // Two RGB pixels a row; the neighbour to the left is three bytes away, and sums wrap at 256.
    [Fact]
    public void Read_OfColours_PredictsChannelByChannel()
    {
        var image = Png.Read(File(Header(2, 2, colour: 2), Chunk("PLTE", 1, 2, 3), Pixels(1, 10, 20, 250, 1, 2, 10, 4, 1, 1, 1, 255, 0, 0), Chunk("tEXt", 65, 0, 66), End));
        Assert.Equal([2, 2, 3], image.Shape);

        // Row 0: 10 20 250, then 11 22 4. Row 1: up: 11 21 251; then Paeth of (11, 11, 10): p = 12, left; of (21, 22, 20): p = 23, up;
        // of (251, 4, 250): p = 5, up. So 10 22 4.
        Assert.Equal([10, 20, 250, 11, 22, 4, 11, 21, 251, 10, 22, 4], image.AsSpan<byte>().ToArray());
    }

    [Fact]
    public void Read_OfPixelsInSeveralChunks_JoinsThem()
    {
        var packed = Zlib([0, 7, 8]);
        var image = Png.Read(File(Header(1, 2), Chunk("gAMA", 0, 0, 0, 1), Chunk("IDAT", packed[..3]), Chunk("IDAT"), Chunk("IDAT", packed[3..]), End));
        Assert.Equal([7, 8], image.AsSpan<byte>().ToArray());
    }

    [Fact]
    public void Read_OfAnotherKind_NamesIt()
    {
        Rejects("not a PNG image", [1, 2, 3]);
        Rejects("the image does not begin with a header", File(End));
        Rejects("the image does not begin with a header", File(Chunk("IHDR", 1)));
        Rejects("16 bits a channel are not supported, expected 8", File(Header(1, 1, bits: 16)));
        Rejects("colour type 3 is not supported", File(Header(1, 1, colour: 3)));
        Rejects("colour type 6 is not supported", File(Header(1, 1, colour: 6)));
        Rejects("interlacing 1 is not supported", File(Header(1, 1, interlace: 1)));
        Rejects("compression 1 and filter 2 are unknown", File(Chunk("IHDR", 0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 1, 2, 0)));
        Rejects("chunk PLTE is not supported", File(Header(1, 1), Chunk("PLTE"), Pixels(0, 1), End));
        Rejects("chunk ABcD is not supported", File(Header(1, 1), Chunk("ABcD"), Pixels(0, 1), End));
        Rejects("row 0 has filter 5, expected 0 to 4", File(Header(1, 1), Pixels(5, 1), End));
    }

    [Fact]
    public void Read_OfSizesThatLie_IsRejected()
    {
        Rejects("0 x 1 pixels", File(Header(0, 1)));
        Rejects("1 x 0 pixels", File(Header(1, 0)));
        Rejects("2147483647 x 2147483647 pixels, expected 1 to 67,108,864", File(Header(int.MaxValue, int.MaxValue)));
        Rejects("4294967295 x 1 pixels", File(Header(-1, 1)));
        Rejects("8000 x 8000 pixels cannot lie in", File(Header(8000, 8000), Pixels(0, 1), End));
        Rejects("the pixels have 2 bytes, the image needs 3", File(Header(1, 2), Pixels(0, 1), End));
        Rejects("the pixels have more than the 3 bytes", File(Header(1, 2), Pixels(0, 1, 2, 3), End));
        Rejects("1 x 1 pixels cannot lie in 0 bytes", File(Header(1, 1), End));
    }

    [Fact]
    public void Read_OfDamage_IsRejected()
    {
        var good = Grey([1, 2], [3, 4]);
        Assert.Equal([1, 2, 3, 4], Png.Read(good).AsSpan<byte>().ToArray());
        Rejects("the file goes on after the image", [.. good, 0]);
        Rejects("the chunks of pixels do not follow one another", File(Header(1, 1), Pixels(0, 1), Chunk("tEXt"), Pixels(0, 1), End));
        Rejects("a chunk of 16777216 bytes, but only", File([1, .. Header(1, 1)]));
        Rejects("the pixels are damaged", File(Header(1, 1), Chunk("IDAT", 0, 1, 2), End));
        for (var length = 0; length < good.Length; length++) Assert.Throws<FormatException>(() => Png.Read(good.AsSpan(0, length)));
        for (var i = 0; i < good.Length; i++)
        {
            var bad = good.ToArray();
            bad[i] ^= 0x10;
            Assert.Throws<FormatException>(() => Png.Read(bad));
        }
    }
}
