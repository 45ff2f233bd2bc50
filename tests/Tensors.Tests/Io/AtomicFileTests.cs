using ManagedFed.IO;
using Xunit;

namespace ManagedFed.Tests.Io;

public sealed class AtomicFileTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("atomic").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private string Name(string file) => Path.Combine(folder, file);

    private static void Write(string path, string text) => AtomicFile.Write(path, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(text)));

    [Fact]
    public void Write_NewAndOldFile_HoldsTheContentAlone()
    {
        Write(Name("a"), "one");
        Assert.Equal("one", File.ReadAllText(Name("a")));
        Write(Name("a"), "2");
        Assert.Equal("2", File.ReadAllText(Name("a")));
        Assert.Equal([Name("a")], Directory.GetFiles(folder));
    }

    [Theory]
    [InlineData(UnixFileMode.UserRead | UnixFileMode.UserWrite)]
    [InlineData(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite)]
    [InlineData(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute)]
    public void Write_OverAFile_KeepsItsMode(UnixFileMode mode)
    {
        if (OperatingSystem.IsWindows()) return;
        Write(Name("a"), "one");
        File.SetUnixFileMode(Name("a"), mode);
        Write(Name("a"), "two");
        Assert.Equal(mode, File.GetUnixFileMode(Name("a")));
        Assert.Equal("two", File.ReadAllText(Name("a")));
    }

    [Fact]
    public void Write_OfANewFile_HasTheModeOfAnyOther()
    {
        if (OperatingSystem.IsWindows()) return;
        File.WriteAllText(Name("plain"), "");
        Write(Name("a"), "one");
        Assert.Equal(File.GetUnixFileMode(Name("plain")), File.GetUnixFileMode(Name("a")));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Write_ThroughLinks_ReplacesTheirTarget(bool exists)
    {
        Directory.CreateDirectory(Name("other"));
        if (exists) Write(Name("other/target"), "one");
        File.CreateSymbolicLink(Name("inner"), Path.Combine("other", "target"));
        File.CreateSymbolicLink(Name("outer"), Name("inner"));
        Write(Name("outer"), "two");
        Assert.NotNull(new FileInfo(Name("outer")).LinkTarget);
        Assert.NotNull(new FileInfo(Name("inner")).LinkTarget);
        Assert.Equal("two", File.ReadAllText(Name("other/target")));
        Assert.Single(Directory.GetFiles(Name("other")));
    }

    [Fact]
    public void Write_AfterAKilledWriter_RemovesWhatItLeft()
    {
        var left = Name($"a.{Guid.NewGuid():N}.tmp");
        string[] others = [Name($"b.{Guid.NewGuid():N}.tmp"), Name("a.tmp"), Name("a.1234.tmp"), Name($"a.x.{Guid.NewGuid():N}.tmp"), Name($"a.{new string('z', 32)}.tmp")];
        foreach (var file in (string[])[left, .. others]) File.WriteAllText(file, "half");
        Write(Name("a"), "whole");
        Assert.False(File.Exists(left));
        Assert.All(others, file => Assert.True(File.Exists(file)));
    }

    [Fact]
    public void Write_InsideAWriteOfTheSameFile_LeavesTheOtherAlone()
    {
        AtomicFile.Write(Name("a"), outer =>
        {
            outer.WriteByte((byte)'1');
            Write(Name("a"), "inner");
            Assert.Equal("inner", File.ReadAllText(Name("a")));
            Assert.Equal(2, Directory.GetFiles(folder).Length);
        });
        Assert.Equal("1", File.ReadAllText(Name("a")));
        Assert.Single(Directory.GetFiles(folder));
    }

    [Fact]
    public async Task Write_FromManyThreads_LeavesOneOfTheContents()
    {
        await Parallel.ForAsync(0, 200, TestContext.Current.CancellationToken, (i, _) =>
        {
            Write(Name("a"), new string((char)('a' + i % 26), 1000));
            return ValueTask.CompletedTask;
        });
        Assert.Single(File.ReadAllText(Name("a")).Distinct());
        Assert.Equal([Name("a")], Directory.GetFiles(folder));
    }

    // What a full disk does, at any moment.
    [Theory]
    [InlineData(0)]
    [InlineData(100_000)]
    public void Write_ThatFails_LeavesTheOldFile(int after)
    {
        Write(Name("a"), "old");
        var error = Assert.Throws<IOException>(() => AtomicFile.Write(Name("a"), stream =>
        {
            stream.Write(new byte[after]);
            throw new IOException("disk full");
        }));
        Assert.Equal("disk full", error.Message);
        Assert.Equal("old", File.ReadAllText(Name("a")));
        Assert.Single(Directory.GetFiles(folder));
    }

    [Fact]
    public void WhatCannotBeWritten_IsSaidBeforeAnythingIsDone()
    {
        Directory.CreateDirectory(Name("folder"));
        File.WriteAllText(Name("fixed"), "old");
        File.SetAttributes(Name("fixed"), FileAttributes.ReadOnly);
        File.WriteAllText(Name("file"), "");
        Refuses($"[file] {Name("folder")} is a folder, expected a file", Name("folder"));
        Refuses($"[file] {Name("folder")}/ is a folder, expected a file", Name("folder") + "/");
        Refuses($"[file] {Name("none/a")} cannot be written: there is no folder {Name("none")}", Name("none/a"));
        Refuses($"[file] {Name("file/a")} cannot be written: there is no folder {Name("file")}", Name("file/a"));
        Refuses($"[file] {Name("fixed")} cannot be written: it is read-only", Name("fixed"));
        File.SetAttributes(Name("fixed"), FileAttributes.Normal);
        Assert.Equal("old", File.ReadAllText(Name("fixed")));
        Assert.Equal(2, Directory.GetFiles(folder).Length);

        static void Refuses(string message, string path)
        {
            Assert.Equal(message, Assert.ThrowsAny<IOException>(() => AtomicFile.CheckWritable(path)).Message);
            Assert.Equal(message, Assert.ThrowsAny<IOException>(() => AtomicFile.Write(path, _ => Assert.Fail("must not be called"))).Message);
        }
    }

    [Fact]
    public void CheckWritable_OfWhatCanBeWritten_LeavesNoTrace()
    {
        AtomicFile.CheckWritable(Name("a"));
        Assert.Empty(Directory.GetFiles(folder));
        Write(Name("a"), "one");
        AtomicFile.CheckWritable(Name("a"));
        Assert.Equal("one", File.ReadAllText(Name("a")));
        Assert.Single(Directory.GetFiles(folder));
    }

    [Fact]
    public void Write_ToADevice_LeavesItADevice()
    {
        if (OperatingSystem.IsWindows()) return;
        AtomicFile.CheckWritable("/dev/null");
        Write("/dev/null", "gone");
        Assert.Equal("", File.ReadAllText("/dev/null"));
        Assert.False(File.Exists("/dev/null.tmp"));
    }
}
