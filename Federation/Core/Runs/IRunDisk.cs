namespace ManagedFed.Federation;

/// <summary>What a run needs of a folder: the seam between the journal and a real disk.</summary>
/// <remarks>Names are relative, with forward slashes. What a call has returned from survives the process and the power.</remarks>
internal interface IRunDisk : IDisposable
{
    /// <summary>The files below a folder, <c>""</c> for the run's own; empty when it is not there.</summary>
    IReadOnlyList<string> List(string folder);

    /// <summary>The content of a file; null when it is not there.</summary>
    Stream? Read(string name);

    /// <summary>Replaces a file as a whole: whatever happens, it has the old content or the new.</summary>
    void Replace(string name, Action<Stream> write);

    /// <summary>Puts bytes behind a file's end and flushes them; a failure may leave a part of them there.</summary>
    void Append(string name, ReadOnlySpan<byte> bytes);

    /// <summary>Cuts a file off.</summary>
    void Truncate(string name, long length);

    /// <summary>Removes a file or a folder with all below it; one that is not there is fine.</summary>
    void Delete(string name);
}
