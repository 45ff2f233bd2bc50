using System.Diagnostics;
using System.Globalization;
using ManagedFed.Faults;

const ulong Many = 10_000;
const long MostGrown = 8_000_000;

// COUNT [FIRST]: that many schedules; --seed N: one, with all that happens; --replay: each twice; --blind: on a disk that lies.
return await Task.Run(async () =>
{
    Quiet.RequireOneWorker();
    var numbers = args.Where(arg => !arg.StartsWith('-')).Select(arg => ulong.Parse(arg, CultureInfo.InvariantCulture)).ToArray();
    var (blind, replay, one) = (args.Contains("--blind"), args.Contains("--replay"), args.Contains("--seed"));
    if (args.Count(arg => arg.StartsWith('-')) != (blind ? 1 : 0) + (replay ? 1 : 0) + (one ? 1 : 0) || numbers.Length > (one ? 1 : 2))
    {
        Console.Error.WriteLine("usage: ManagedFed.Faults [--blind] [--replay] [COUNT [FIRST]] | [--blind] --seed N");
        return 2;
    }
    return one ? await OneAsync(numbers.Single()) : await ManyAsync(numbers.ElementAtOrDefault(0) is var count and > 0 ? count : 2000, numbers.ElementAtOrDefault(1) is var first and > 0 ? first : 1);

    async Task<int> OneAsync(ulong seed)
    {
        try
        {
            var hash = await new Check(blind).RunAsync(seed, Console.Out);
            Console.WriteLine($"seed {seed} holds, {hash:x16}");
            return 0;
        }
        catch (BrokenException exception)
        {
            Console.WriteLine($"seed {seed} is broken: {exception.Message}");
            return 1;
        }
    }

    async Task<int> ManyAsync(ulong count, ulong first)
    {
        var check = new Check(blind);
        var start = Stopwatch.GetTimestamp();
        var (broken, bytes) = (0, 0L);
        for (var i = 0UL; i < count; i++)
        {
            var seed = first + i;
            try
            {
                var hash = await check.RunAsync(seed);
                if (replay && await check.RunAsync(seed) != hash) throw new BrokenException("the second time something else happened");
            }
            catch (BrokenException exception)
            {
                Console.WriteLine($"seed {seed} is broken: {exception.Message}\n    again: tests/Faults/run {(blind ? "--blind " : "")}--seed {seed}");
                if (++broken == 10) break;
            }
            if (i == count / 4) bytes = InUse();
            if (count >= Many && i % Many == Many - 1) Console.WriteLine(FormattableString.Invariant($"{i + 1} schedules, {Stopwatch.GetElapsedTime(start).TotalSeconds:f0} s"));
        }
        var grown = InUse() - bytes;
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        Console.WriteLine(FormattableString.Invariant($"{count} schedules from seed {first}: {broken} broken, {seconds:f1} s, memory grew by {grown / 1e6:f1} MB"));
        // Whatever a schedule abandons, the next ones are not to carry.
        if (grown > MostGrown) Console.WriteLine($"memory grew by more than {MostGrown / 1e6} MB");
        return broken > 0 || grown > MostGrown ? 1 : 0;

        long InUse()
        {
            check.Forget();
            return GC.GetTotalMemory(forceFullCollection: true);
        }
    }
});
