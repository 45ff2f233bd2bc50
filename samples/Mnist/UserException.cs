namespace ManagedFed.Samples.Mnist;

/// <summary>Something the user can mend; the message is the whole explanation.</summary>
internal sealed class UserException(string message) : Exception(message);
