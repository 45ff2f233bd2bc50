namespace ManagedFed.Nn;

/// <summary>Activation functions, element by element unless an axis is named.</summary>
public static class Activations
{
    /// <summary>max(x, 0).</summary>
    public static Tensor Relu(Tensor x) => Checked(x).Relu();

    /// <summary>x for x &gt; 0, else slope · x; the derivative at 0 is the slope.</summary>
    public static Tensor LeakyRelu(Tensor x, double slope = 0.01) => Tensor.Where(Checked(x) > 0, x, x * slope);

    /// <summary>1/(1 + e⁻ˣ).</summary>
    public static Tensor Sigmoid(Tensor x) => Checked(x).Sigmoid();

    /// <summary>tanh x.</summary>
    public static Tensor Tanh(Tensor x) => Checked(x).Tanh();

    /// <summary>x · Φ(x), Φ the normal distribution function: x·(1 + erf(x/√2))/2 (Hendrycks and Gimpel 2016).</summary>
    public static Tensor Gelu(Tensor x) => Checked(x) * ((x * Math.Sqrt(0.5)).Erf() + 1) * 0.5;

    /// <summary>x/(1 + e⁻ˣ), also called swish.</summary>
    public static Tensor Silu(Tensor x) => Checked(x) * x.Sigmoid();

    /// <summary>eˣ/Σ eˣ along an axis.</summary>
    public static Tensor Softmax(Tensor x, int axis = -1) => Checked(x).Softmax(axis);

    /// <summary>x − log Σ eˣ along an axis.</summary>
    public static Tensor LogSoftmax(Tensor x, int axis = -1) => Checked(x).LogSoftmax(axis);

    private static Tensor Checked(Tensor x)
    {
        ArgumentNullException.ThrowIfNull(x);
        return x;
    }
}
