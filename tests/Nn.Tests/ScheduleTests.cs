using ManagedFed.Nn;

namespace ManagedFed.Tests;

public sealed class ScheduleTests
{
    [Fact]
    public void ExponentialDecay_Multiplies() => Follows([2, 1, 0.5, 0.25], Schedules.ExponentialDecay(2, 0.5));

    [Fact]
    public void StepDecay_MultipliesEveryFewSteps() => Follows([2, 2, 1, 1, 0.5], Schedules.StepDecay(2, 0.5, 2));

    // end + ½·(1 + cos(π·t/4))·(start − end) at t = 0 … 4, then constant: cosines 1, √½, 0, −√½, −1.
    [Fact]
    public void CosineDecay_FallsAlongHalfAWave() => Follows(
        [3, 2 + Math.Sqrt(0.5), 2, 2 - Math.Sqrt(0.5), 1, 1, 1], Schedules.CosineDecay(3, 4, 1));

    [Fact]
    public void Linear_RisesThenStays() => Follows([0, 0.25, 0.5, 0.75, 1, 1], Schedules.Linear(0, 1, 4));

    [Fact]
    public void Join_OfThree_StartsEachAtItsBoundary() => Follows(
        [0, 0.5, 8, 4, 2, 7, 7], Schedules.Join([Schedules.Linear(0, 1, 2), Schedules.ExponentialDecay(8, 0.5), _ => 7], 2, 5));

    [Fact]
    public void Schedules_OfValuesOutsideTheirRange_AreRefused()
    {
        Message("[exponential_decay] start -1 lies outside [0, ∞)", () => Schedules.ExponentialDecay(-1, 1));
        Message("[step_decay] every 0 lies outside [1, ∞)", () => Schedules.StepDecay(1, 1, 0));
        Message("[cosine_decay] steps -1 lies outside [1, ∞)", () => Schedules.CosineDecay(1, -1));
        Message("[linear_schedule] end NaN lies outside [0, ∞)", () => Schedules.Linear(1, double.NaN, 1));
        Message("[join_schedules] 0 boundaries given for 0 schedules, expected one less than those", () => Schedules.Join([]));
        Message("[join_schedules] 2 boundaries given for 2 schedules, expected one less than those", () => Schedules.Join([_ => 1, _ => 2], 1, 2));
        Message("[join_schedules] boundary 3 lies before 5", () => Schedules.Join([_ => 1, _ => 2, _ => 3], 5, 3));

        static void Message(string message, Func<Func<long, double>> create) => Assert.Equal(message, Assert.Throws<ArgumentException>(create).Message);
    }

    private static void Follows(double[] expected, Func<long, double> schedule)
    {
        for (var step = 0; step < expected.Length; step++) Assert.Equal(expected[step], schedule(step), 1e-15);
    }
}
