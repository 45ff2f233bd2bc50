using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace ManagedFed.Samples.Mnist;

/// <summary>Reads certificates from PEM files; what cannot be used is told by option and file.</summary>
internal static class Certificates
{
    /// <summary>A server's certificate with its private key, which is in a file of its own or in the same.</summary>
    public static X509Certificate2 WithKey(string certificate, string? key) => Read("--certificate", certificate, () =>
    {
        // So that the file that is missing is the one named.
        if (key is not null) Read("--private-key", key, () => File.ReadAllText(key));
        if (key is null && !File.ReadAllText(certificate).Contains("PRIVATE KEY", StringComparison.Ordinal))
        {
            throw new CryptographicException("it holds no private key; name the key's file with --private-key");
        }
        using var read = X509Certificate2.CreateFromPemFile(certificate, key);
        // Windows' TLS takes no key that is in memory alone.
        return X509CertificateLoader.LoadPkcs12(read.Export(X509ContentType.Pkcs12), password: null);
    });

    /// <summary>The certificates of a file, to be trusted.</summary>
    public static X509Certificate2Collection Trusted(string file) => Read("--root-certificates", file, () =>
    {
        var certificates = new X509Certificate2Collection();
        certificates.ImportFromPemFile(file);
        return certificates.Count > 0 ? certificates : throw new CryptographicException("there is no certificate in it");
    });

    private static T Read<T>(string option, string file, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
        {
            throw new UserException($"{option} {file} cannot be used: {e.Message}");
        }
    }
}
