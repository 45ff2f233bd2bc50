using ManagedFed.Kernels;

namespace ManagedFed.Graph;

/// <summary>One kernel call of a plan, with its operands in place.</summary>
internal abstract record Instruction
{
    public abstract void Run();
}

/// <summary>One operation.</summary>
internal sealed record Compute(Op Op, NdArray[] Operands, NdArray Output) : Instruction
{
    public override void Run() => Op.Run(Operands, Output);
}

/// <summary>A chain of elementwise operations.</summary>
internal sealed record ComputeChain(FusedChain Chain) : Instruction
{
    public override void Run() => Chain.Run();
}

/// <summary>A chain of elementwise operations, and a reduction of its last one.</summary>
internal sealed record ComputeFold(FusedChain Chain, IFold Fold, NdArray Output) : Instruction
{
    public override void Run() => Fold.Fold(Chain, Output);
}

/// <summary>A matrix product, and what is applied to its elements.</summary>
internal sealed record ComputeProduct(IAfterProduct After, NdArray[] Product, NdArray? Other, NdArray Output) : Instruction
{
    public override void Run() => After.Run(Product, Other, Output);
}
