using ManagedFed.Nn.Data;

namespace ManagedFed.Samples.Mnist;

/// <summary>The images the settings name.</summary>
internal static class Images
{
    public static string BundledFolder => Path.Combine(AppContext.BaseDirectory, "data");

    public static TrainTest Load(Settings settings)
    {
        try
        {
            return settings.Dataset is { } folder ? Nn.Data.Mnist.Load(folder) : Nn.Data.Mnist.Load(BundledFolder, verify: true);
        }
        catch (Exception e) when (e is IOException or FormatException or UnauthorizedAccessException)
        {
            throw new UserException($"cannot read the images: {e.Message}");
        }
    }
}
