using System.Security.Cryptography;
using Xunit;

namespace ManagedFed.Federation.Tests.Fleet;

public sealed class NodeKeyTests
{
    // ssh-keygen -t ecdsa -b 384 -N "", and its public key by ssh-keygen -e -m PKCS8; made for this test alone.
    private const string OpenSsh = """
        -----BEGIN OPENSSH PRIVATE KEY-----
        b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAiAAAABNlY2RzYS
        1zaGEyLW5pc3RwMzg0AAAACG5pc3RwMzg0AAAAYQRAe1COsUY7p5Dwhaz0xCsXQ7CZ46Nu
        Iyo/FWLtKH0LZQ7pmR9y1OttEJd34D0S6hxbsygJj6jM+JJ80XUQhUqkHLzBMtZZF0y71k
        mBmlLQdxnCnk2qRjqZxIzG5QZ5bHgAAADQEadkTxGnZE8AAAATZWNkc2Etc2hhMi1uaXN0
        cDM4NAAAAAhuaXN0cDM4NAAAAGEEQHtQjrFGO6eQ8IWs9MQrF0OwmeOjbiMqPxVi7Sh9C2
        UO6ZkfctTrbRCXd+A9EuocW7MoCY+ozPiSfNF1EIVKpBy8wTLWWRdMu9ZJgZpS0HcZwp5N
        qkY6mcSMxuUGeWx4AAAAMHpelqNVGb8R4jN9LzHuObD0LJMtorMhsptPZ4PI6LCikh1jOo
        9LVvOWeMzfHvmhOQAAAAR0ZXN0AQIDBA==
        -----END OPENSSH PRIVATE KEY-----
        """;

    private const string Public = """
        -----BEGIN PUBLIC KEY-----
        MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEQHtQjrFGO6eQ8IWs9MQrF0OwmeOjbiMq
        PxVi7Sh9C2UO6ZkfctTrbRCXd+A9EuocW7MoCY+ozPiSfNF1EIVKpBy8wTLWWRdM
        u9ZJgZpS0HcZwp5NqkY6mcSMxuUGeWx4
        -----END PUBLIC KEY-----

        """;

    [Fact]
    public void FromPem_OfSshKeygen_HasItsPublicKeyAndSigns()
    {
        using var key = NodeKey.FromPem(OpenSsh);
        Assert.Equal(Public, key.PublicKeyPem);
        var now = new DateTimeOffset(2026, 11, 22, 17, 20, 13, TimeSpan.Zero).AddMicroseconds(99_670);
        var headers = key.Sign(now);
        Assert.Equal("2026-11-22T17:20:13.099670+00:00", headers.Timestamp);
        Assert.Null(headers.Problem(now));
        using var other = NodeKey.Create();
        Assert.NotNull((headers with { PublicKey = other.PublicKey }).Problem(now));
        Assert.NotNull((headers with { Signature = new byte[] { 1 } }).Problem(now));
    }

    [Fact]
    public void FromPem_OfPkcs8AndSec1_IsTheSameKey()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        using var pkcs8 = NodeKey.FromPem(key.ExportPkcs8PrivateKeyPem());
        using var sec1 = NodeKey.FromPem(key.ExportECPrivateKeyPem());
        Assert.Equal(key.ExportSubjectPublicKeyInfoPem() + "\n", pkcs8.PublicKeyPem);
        Assert.Equal(pkcs8.PublicKeyPem, sec1.PublicKeyPem);
    }

    [Fact]
    public void FromPem_OfAnythingElse_IsRefused()
    {
        Assert.Contains("ssh-keygen", Assert.Throws<FormatException>(() => NodeKey.FromPem("hello")).Message, StringComparison.Ordinal);
        // A public key alone cannot sign.
        Assert.Throws<FormatException>(() => NodeKey.FromPem(Public));
        var cut = Convert.ToBase64String("openssh-key-v1\0\0\0\0\x04none\0\0\0\x04none"u8);
        Assert.Contains("ends inside a field", Refusal(cut), StringComparison.Ordinal);
        var encrypted = Convert.ToBase64String("openssh-key-v1\0\0\0\0\u000aaes256-ctr"u8);
        Assert.Contains("encrypted with aes256-ctr", Refusal(encrypted), StringComparison.Ordinal);

        static string Refusal(string body) => Assert.Throws<FormatException>(
            () => NodeKey.FromPem($"-----BEGIN OPENSSH PRIVATE KEY-----\n{body}\n-----END OPENSSH PRIVATE KEY-----\n")).Message;
    }
}
