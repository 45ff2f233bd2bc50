using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using ManagedFed.Kernels;
using ManagedFed.Simd;
using Xunit;

namespace ManagedFed.Tests;

/// <summary>Every micro-kernel that can run here, whatever the machine would choose.</summary>
public sealed class GemmKernelTests
{
    private static readonly Dictionary<string, GemmKernelChecks> Kernels = new()
    {
        ["6 rows, 128 bits, float"] = new GemmKernelChecks<float, SixRowKernel<float, Vector128<float>, Simd128<float>>>(),
        ["6 rows, 128 bits, double"] = new GemmKernelChecks<double, SixRowKernel<double, Vector128<double>, Simd128<double>>>(),
        ["6 rows, 256 bits, float"] = new GemmKernelChecks<float, SixRowKernel<float, Vector256<float>, Simd256<float>>>(),
        ["6 rows, 256 bits, double"] = new GemmKernelChecks<double, SixRowKernel<double, Vector256<double>, Simd256<double>>>(),
        ["12 rows, 512 bits, float"] = new GemmKernelChecks<float, TwelveRowKernel<float, Vector512<float>, Simd512<float>>>(),
        ["12 rows, 512 bits, double"] = new GemmKernelChecks<double, TwelveRowKernel<double, Vector512<double>, Simd512<double>>>(),
    };

    static GemmKernelTests()
    {
        if (!AdvSimd.Arm64.IsSupported) return;
        Kernels["by element, float"] = new GemmKernelChecks<float, AdvSimdKernel<float>>();
        Kernels["by element, double"] = new GemmKernelChecks<double, AdvSimdKernel<double>>();
    }

    private static readonly GemmReference.Order[] Orders = Enum.GetValues<GemmReference.Order>();

    public static TheoryData<string> Names => [.. Kernels.Keys];

    [Theory, MemberData(nameof(Names))]
    public void Rows_AnyCount_CoversItWithTilesOfAtMostMR(string kernel) => Kernels[kernel].RowsCoverAnyCount();

    [Theory, MemberData(nameof(Names))]
    public void Tile_IdentityA_CopiesB(string kernel) => Kernels[kernel].IdentityACopiesB();

    [Theory, MemberData(nameof(Names))]
    public void Tile_IdentityB_CopiesA(string kernel) => Kernels[kernel].IdentityBCopiesA();

    [Theory, MemberData(nameof(Names))]
    public void Tile_RowsFurtherApart_LeavesTheGapsAlone(string kernel) => Kernels[kernel].RowsFurtherApartLeaveTheGapsAlone();

    [Theory, MemberData(nameof(Names))]
    public void Tile_Accumulate_AddsToC(string kernel) => Kernels[kernel].AccumulateAddsToC();

    [Theory, MemberData(nameof(Names))]
    public void Tile_StridedA_EqualsPackedA(string kernel) => Kernels[kernel].StridedAEqualsPackedA();

    [Theory, MemberData(nameof(Names))]
    public void Tile_NoTerms_IsZero(string kernel) => Kernels[kernel].NoTermsGiveZero();

    [Theory, MemberData(nameof(Names))]
    public void Product_SmallSizesCubed_AgreesInEveryLayout(string kernel)
    {
        for (var m = 0; m <= 12; m++)
        {
            for (var k = 0; k <= 12; k++)
            {
                for (var n = 0; n <= 12; n++)
                {
                    var pair = (m * 13 + k) * 13 + n;
                    Kernels[kernel].ProductAgrees(m, k, n, Orders[pair % 4], Orders[pair / 4 % 4]);
                }
            }
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void Product_AwkwardSizes_AgreesInEveryLayout(string kernel)
    {
        (int, int, int)[] sizes =
        [
            (17, 257, 31), (266, 265, 33), (1, 100, 70), (70, 100, 1), (1, 300, 1), (13, 0, 21),
            (50, 32, 10), (32, 50, 32), (10, 50, 32), (37, 900, 40), (250, 5, 130),
        ];
        foreach (var (m, k, n) in sizes)
        {
            foreach (var orderA in Orders)
            {
                foreach (var orderB in Orders) Kernels[kernel].ProductAgrees(m, k, n, orderA, orderB);
            }
        }
    }
}
