using System.Text;

namespace ManagedFed.Quickstart.Tests;

/// <summary>Does to the folder of a killed server what a power cut could have done to it.</summary>
internal static class PowerCut
{
    public static void Run(string folder, Loss loss)
    {
        var journal = Path.Combine(folder, "journal");
        if (!File.Exists(journal)) return;
        switch (loss)
        {
            case Loss.TornLine:
                File.AppendAllText(journal, "0badc0de {\"event\":\"upd");
                break;
            case Loss.LastLine:
                CutLastLine(journal);
                break;
            case Loss.Files:
                LoseFiles(folder, File.ReadAllText(journal));
                break;
        }
    }

    private static void CutLastLine(string journal)
    {
        using var file = new FileStream(journal, FileMode.Open, FileAccess.ReadWrite);
        var bytes = new byte[file.Length];
        file.ReadExactly(bytes);
        var end = bytes.AsSpan(0, Math.Max(0, bytes.Length - 1)).LastIndexOf((byte)'\n') + 1;
        // The first line is the initial state: without it another run would begin.
        if (end > 0) file.SetLength(end + (bytes.Length - end) / 2);
    }

    private static void LoseFiles(string folder, string journal)
    {
        foreach (var path in Directory.GetFiles(folder, "*", SearchOption.AllDirectories))
        {
            var name = Path.GetRelativePath(folder, path).Replace(Path.DirectorySeparatorChar, '/');
            if (name is "journal" or "lock") continue;
            if (!journal.Contains($"\"{name}\"", StringComparison.Ordinal)) File.Delete(path);
        }
        File.WriteAllBytes(Path.Combine(folder, $"state-000001.safetensors.{Guid.NewGuid():N}.tmp"), Encoding.UTF8.GetBytes("half a file"));
    }
}
