namespace ManagedFed.Samples.CharLm;

/// <summary>A text as numbers: each character's place among the text's distinct characters in ascending order.</summary>
internal sealed class Corpus
{
    private readonly char[] symbols;
    private readonly int[] codes;

    /// <exception cref="ArgumentException">The text has fewer than two different characters.</exception>
    public Corpus(string text)
    {
        symbols = [.. text.Distinct().Order()];
        if (symbols.Length < 2) throw new ArgumentException($"the text has {symbols.Length} different characters, expected at least 2", nameof(text));
        codes = Encode(text);
    }

    /// <summary>The distinct characters; a character's code is its index.</summary>
    public IReadOnlyList<char> Symbols => symbols;

    /// <summary>The number of characters.</summary>
    public int Length => codes.Length;

    /// <summary>−Σ p·ln p over the characters' frequencies: the loss, in nats, of a guess that knows these alone.</summary>
    public double UnigramEntropy => codes.CountBy(code => code).Sum(kind => -(double)kind.Value / Length * Math.Log((double)kind.Value / Length));

    /// <summary>The codes of a text.</summary>
    /// <exception cref="ArgumentException">A character does not occur in this corpus.</exception>
    public int[] Encode(string text) => [.. text.Select(Code)];

    /// <summary>Windows of characters and, for each character, the one that follows: two int32 arrays (starts, window).</summary>
    public (Tensor Inputs, Tensor Next) Windows(IReadOnlyCollection<int> starts, int window)
    {
        Tensor Read(int shift) => Tensor.From<int>([.. starts.SelectMany(start => codes[(start + shift)..(start + shift + window)])]).Reshape(starts.Count, window);
        return (Read(0), Read(1));
    }

    private int Code(char symbol)
    {
        var code = Array.BinarySearch(symbols, symbol);
        return code >= 0 ? code : throw new ArgumentException($"'{symbol}' does not occur in the text; its characters are {new string(symbols)}", nameof(symbol));
    }
}
