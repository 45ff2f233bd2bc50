using System.Text;
using ManagedFed.Nn;

namespace ManagedFed.Samples.CharLm;

/// <summary>Guesses the next character from those before it: codes (…, length) → logits (…, length, symbols).</summary>
internal sealed class CharModel : Module
{
    private readonly Embedding embedding;
    private readonly Lstm lstm;
    private readonly Linear output;

    public CharModel(int symbols, int hidden, RandomKey key)
    {
        var keys = key.Split(3);
        embedding = Child("embedding", new Embedding(symbols, 32, keys[0]));
        lstm = Child("lstm", new Lstm(32, hidden, keys[1]));
        output = Child("output", new Linear(hidden, symbols, keys[2]));
    }

    public override Tensor Forward(Tensor x) => output.Forward(lstm.Forward(embedding.Forward(x)));

    /// <summary>Continues a prompt by characters drawn with probabilities softmax(logits / temperature).</summary>
    /// <param name="corpus">What the model was trained on.</param>
    /// <param name="prompt">At least one character of the corpus.</param>
    /// <param name="length">The number of characters to draw.</param>
    /// <param name="temperature">Above 0; 1 draws as learnt, less draws the likely characters more often.</param>
    /// <param name="key">Chooses the characters; the same key gives the same text.</param>
    /// <param name="cancellation">Stops between two characters.</param>
    /// <returns>The drawn characters, without the prompt.</returns>
    public string Continue(Corpus corpus, string prompt, int length, double temperature, RandomKey key, CancellationToken cancellation = default)
    {
        var text = new StringBuilder(length);
        Tensor? state = null, cell = null;
        var input = Tensor.From<int>(corpus.Encode(prompt));
        while (text.Length < length)
        {
            cancellation.ThrowIfCancellationRequested();
            (key, var draw) = key.Split();
            var (states, cells) = lstm.Forward(embedding.Forward(input), state, cell);
            (state, cell) = (states[^1], cells[^1]);
            var next = Tensor.RandomCategorical(draw, output.Forward(state) / temperature);
            Tensor.Eval(next, state, cell);
            text.Append(corpus.Symbols[(int)next.Item<uint>()]);
            input = next.Reshape(1);
        }
        return text.ToString();
    }
}
