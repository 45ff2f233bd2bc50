namespace ManagedFed.Kernels;

/// <summary>Where a step of a fused chain reads or writes: an array, or a register that holds one tile.</summary>
/// <param name="Array">An array of the chain's shape, stride 0 where broadcast; null for a register.</param>
/// <param name="Register">The register's number.</param>
/// <param name="DType">The type of the elements.</param>
internal readonly record struct FusedPlace(NdArray? Array, int Register, DType DType);

/// <summary>One step of a fused chain.</summary>
/// <param name="Loop">What it computes.</param>
/// <param name="Operands">Up to three operands.</param>
/// <param name="Destination">A contiguous array or a register; it may be an operand's.</param>
internal readonly record struct FusedStep(ElementLoop Loop, FusedPlace[] Operands, FusedPlace Destination);
