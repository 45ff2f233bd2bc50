using System.Text.Json;

namespace ManagedFed.Federation;

/// <summary>What a client had been asked to train in an earlier step of a run without rounds, while its update has yet to count.</summary>
/// <param name="Client">The client's stable name.</param>
/// <param name="Given">The round whose model it was given.</param>
/// <param name="Update">How many of its updates had counted in the step it was asked in.</param>
/// <param name="Choice">The number of the choice by which it was asked, in that step.</param>
internal sealed record StoredQuestion(string Client, int Given, int Update, int Choice)
{
    private const string Key = "asked";

    public static void Write(Utf8JsonWriter json, IReadOnlyList<StoredQuestion> questions)
    {
        json.WriteStartArray(Key);
        foreach (var (client, given, update, choice) in questions)
        {
            json.WriteStartObject();
            json.WriteString("client", client);
            json.WriteNumber("given", given);
            json.WriteNumber("update", update);
            json.WriteNumber("choice", choice);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    /// <summary>Those of a journal's entry, in their order; none when it has none.</summary>
    public static IReadOnlyList<StoredQuestion> Read(JsonElement entry) => entry.TryGetProperty(Key, out var questions)
        ? [.. questions.EnumerateArray().Select(question => new StoredQuestion(
            question.GetProperty("client").GetString()!, question.GetProperty("given").GetInt32(), question.GetProperty("update").GetInt32(), question.GetProperty("choice").GetInt32()))]
        : [];
}
