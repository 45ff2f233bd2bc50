using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.RegularExpressions;
using Xunit;

namespace ManagedFed.Quickstart.Tests;

/// <summary>The sample's server and client with a certificate, as processes.</summary>
public sealed class EncryptionTests(ReducedMnist data) : IClassFixture<ReducedMnist>
{
    [Fact]
    public async Task ServerAndClient_WithACertificate_Train()
    {
        var (certificate, key, model) = (data.NewFile(".pem"), data.NewFile(".key"), data.NewFile(".npz"));
        WriteCertificate(certificate, key);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromMinutes(3));
        using var server = SampleProgram.Start(
            "server", "--address", "127.0.0.1:0", "--certificate", certificate, "--private-key", key, "--rounds", "1", "--clients", "1",
            "--dataset", data.Folder, "--output", model);
        try
        {
            var address = await ListeningAsync(server.StandardOutput, limit.Token);
            var said = server.StandardOutput.ReadToEndAsync(limit.Token);

            var client = await SampleProgram.RunAsync(
                "client", "--node-id", "0", "--address", address, "--root-certificates", certificate, "--dataset", data.Folder);
            await server.WaitForExitAsync(limit.Token);

            Assert.True(client.ExitCode == 0, client.Output + client.Error);
            Assert.Equal(0, server.ExitCode);
            Assert.Contains("written to", await said, StringComparison.Ordinal);
        }
        finally
        {
            if (!server.HasExited) server.Kill(entireProcessTree: true);
        }
    }

    private static async Task<string> ListeningAsync(StreamReader output, CancellationToken cancellation)
    {
        var said = "";
        while (await output.ReadLineAsync(cancellation) is { } line)
        {
            said += line + "\n";
            if (Regex.Match(line, @"127\.0\.0\.1:\d+") is { Success: true } address && line.Contains("TLS", StringComparison.Ordinal)) return address.Value;
        }
        throw new InvalidOperationException("the server never said where it listens:\n" + said);
    }

    /// <summary>Of this machine, signed by itself.</summary>
    private static void WriteCertificate(string certificate, string key)
    {
        using var ecdsa = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", ecdsa, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, critical: true));
        using var made = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        File.WriteAllText(certificate, made.ExportCertificatePem());
        File.WriteAllText(key, ecdsa.ExportPkcs8PrivateKeyPem());
    }
}
