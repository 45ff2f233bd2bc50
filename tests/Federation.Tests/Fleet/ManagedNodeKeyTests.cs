using System.Formats.Asn1;
using System.Numerics;
using System.Security.Cryptography;
using System.Text;
using Xunit;

namespace ManagedFed.Federation.Tests.Fleet;

/// <summary>The key in C# alone, judged by .NET's ECDSA and by the vectors of RFC 6979, appendix A.2.6.</summary>
public sealed class ManagedNodeKeyTests
{
    private const string Secret = "6B9D3DAD2E1B8C1C05B19875B6659F4DE23C3B667BF297BA9AA47740787137D896D5724E4C70A825F872C9EA60D2EDF5";

    private const string Order = "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public void PublicKeyIsThatOfRfc6979()
    {
        using var key = ECDsa.Create();
        key.ImportFromPem(ManagedNodeKey.FromSecret(Convert.FromHexString(Secret)).PublicKeyPem);

        var point = key.ExportParameters(includePrivateParameters: false).Q;

        Assert.Equal("EC3A4E415B4E19A4568618029F427FA5DA9A8BC4AE92E02E06AAE5286B300C64DEF8F0EA9055866064A254515480BC13", Convert.ToHexString(point.X!));
        Assert.Equal("8015D9B72D7D57244EA8EF9AC0C621896708A59367F9DFB9F54CA84B3F1C9DB1288B231C3AE0D4FE7344FD2533264720", Convert.ToHexString(point.Y!));
    }

    [Theory]
    [InlineData("sample",
        "21B13D1E013C7FA1392D03C5F99AF8B30C570C6F98D4EA8E354B63A21D3DAA33BDE1E888E63355D92FA2B3C36D8FB2CD",
        "F3AA443FB107745BF4BD77CB3891674632068A10CA67E3D45DB2266FA7D1FEEBEFDC63ECCD1AC42EC0CB8668A4FA0AB0")]
    [InlineData("test",
        "6D6DEFAC9AB64DABAFE36C6BF510352A4CC27001263638E5B16D9BB51D451559F918EEDAF2293BE5B475CC8F0188636B",
        "2D46F3BECBCC523D5F1A1256BF0C9B024D879BA9E838144C8BA6BAEB4B53B47D51AB373F9845C0514EEFB14024787265")]
    public async Task SignaturesAreThoseOfRfc6979(string message, string r, string s)
    {
        var signature = await ManagedNodeKey.FromSecret(Convert.FromHexString(Secret)).SignAsync(Encoding.ASCII.GetBytes(message), Token);

        Assert.Equal(r + s, Convert.ToHexString(Plain(signature)));
    }

    [Fact]
    public async Task NetVerifiesWhatAFreshKeySignsAndNothingElse()
    {
        var made = ManagedNodeKey.Create();
        using var key = ECDsa.Create();
        key.ImportFromPem(made.PublicKeyPem);
        for (var i = 0; i < 50; i++)
        {
            var data = Encoding.ASCII.GetBytes(SignedHeaders.Format(DateTimeOffset.UnixEpoch.AddSeconds(i)));

            var signature = await made.SignAsync(data, Token);

            Assert.True(key.VerifyData(data, signature, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence));
            data[^1] ^= 1;
            Assert.False(key.VerifyData(data, signature, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence));
        }
    }

    [Fact]
    public async Task TakesOverAKeyOfNetAndGivesItBack()
    {
        for (var i = 0; i < 20; i++)
        {
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP384);
            var secret = key.ExportParameters(includePrivateParameters: true).D!;

            var taken = ManagedNodeKey.FromSecret(secret);

            Assert.Equal(key.ExportSubjectPublicKeyInfoPem() + "\n", taken.PublicKeyPem);
            Assert.Equal(secret, taken.ExportSecret());
            var signature = await taken.SignAsync(new byte[] { (byte)i }, Token);
            Assert.True(key.VerifyData(new[] { (byte)i }, signature, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(-1)]
    [InlineData(-2)]
    public async Task TheSmallestAndGreatestSecretsWork(int fromEnd)
    {
        var order = new BigInteger(Convert.FromHexString(Order), isUnsigned: true, isBigEndian: true);
        var number = fromEnd > 0 ? fromEnd : order + fromEnd;
        var bytes = number.ToByteArray(isUnsigned: true, isBigEndian: true);
        byte[] secret = [.. new byte[48 - bytes.Length], .. bytes];
        var made = ManagedNodeKey.FromSecret(secret);
        // Imports only what is on the curve, and derives the same public key itself.
        using var key = ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP384, D = secret });

        var signature = await made.SignAsync(secret, Token);

        Assert.Equal(key.ExportSubjectPublicKeyInfoPem() + "\n", made.PublicKeyPem);
        Assert.True(key.VerifyData(secret, signature, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence));
    }

    [Theory]
    [InlineData("", "0 bytes, expected 48")]
    [InlineData("00", "1 bytes, expected 48")]
    [InlineData("000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000", "is 0")]
    [InlineData(Order, "not below the order")]
    [InlineData("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", "not below the order")]
    public void OtherSecretsAreRefused(string secret, string why)
    {
        var refusal = Assert.Throws<ArgumentException>(() => ManagedNodeKey.FromSecret(Convert.FromHexString(secret)));

        Assert.Contains(why, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void FieldsAgreeWithNumbersOfAnySize()
    {
        var modulus = new BigInteger(Convert.FromHexString(Order), isUnsigned: true, isBigEndian: true);
        var field = CurveP384.Scalars;
        var random = new Random(1);
        for (var i = 0; i < 200; i++)
        {
            var (a, b) = (Drawn(), Drawn());
            var (x, y) = (field.ToElement(Number(a)), field.ToElement(Number(b)));

            Assert.Equal(a % modulus, Back(x));
            Assert.Equal((a + b) % modulus, Back(field.Add(x, y)));
            Assert.Equal((a - b + 2 * modulus) % modulus, Back(field.Subtract(x, y)));
            Assert.Equal(a * b % modulus, Back(field.Multiply(x, y)));
            Assert.Equal(BigInteger.ModPow(a, modulus - 2, modulus), Back(field.Invert(x)));
        }

        BigInteger Drawn()
        {
            var bytes = new byte[48];
            random.NextBytes(bytes);
            // Numbers at the edges come often: words of zeros and of ones.
            for (var word = 0; word < 12; word++) if (random.Next(3) == 0) bytes.AsSpan(4 * word, 4).Fill((byte)(random.Next(2) * 255));
            return new(bytes, isUnsigned: true);
        }

        Number384 Number(BigInteger number)
        {
            var bytes = number.ToByteArray(isUnsigned: true, isBigEndian: true);
            return Number384.Read([.. new byte[48 - bytes.Length], .. bytes]);
        }

        BigInteger Back(Number384 element) => new(field.ToNumber(element).ToBytes(), isUnsigned: true, isBigEndian: true);
    }

    /// <summary>The two numbers of a DER signature, 48 bytes each.</summary>
    private static byte[] Plain(byte[] signature)
    {
        var sequence = new AsnReader(signature, AsnEncodingRules.DER).ReadSequence();
        byte[][] numbers = [.. new[] { sequence.ReadInteger(), sequence.ReadInteger() }.Select(number => number.ToByteArray(isUnsigned: true, isBigEndian: true))];
        Assert.False(sequence.HasData);
        return [.. numbers.SelectMany(number => new byte[48 - number.Length].Concat(number))];
    }
}
