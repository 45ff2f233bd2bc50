using System.Text;

namespace ManagedFed.Samples.CharLm;

/// <summary>Tales of a harbour town, made up by a small grammar; so the sample needs no file.</summary>
internal static class Story
{
    // A name in braces stands for one of its rule's phrases. Repeated phrases are more likely.
    private static readonly Dictionary<string, string[]> rules = new()
    {
        ["sentence"] =
        [
            "{time} {who} {did}.", "{time} {who} {did} and {did}.", "{who} {did}, for {reason}.", "{who} {did}, but {who} {did}.", "{place} {was}.",
            "\"{speech},\" said {who}.", "\"{speech}!\" called {who} from {place}.", "{who} asked whether {reason}, and nobody answered.",
            "When {reason}, {who} {did}.", "In {place}, {who} {did}.", "It was {number} years since {who} {did}.", "{thing} {was}, and {thing} {was} too.",
        ],
        ["time"] = ["at dawn", "before the tide turned", "one {weather} evening", "all through {month}", "that night", "after the market closed", "twice a week"],
        ["month"] = ["March", "June", "October", "the long winter", "the week of the fair"],
        ["weather"] = ["windy", "foggy", "quiet", "bitterly cold", "golden"],
        ["who"] =
        [
            "Marta", "old Jonas", "the ferryman", "Ilse", "Tobias", "the widow Brandt", "a {adjective} stranger", "the harbour master", "{relation} of {name}",
            "the {adjective} baker", "{name}", "the girl who kept {thing}",
        ],
        ["name"] = ["Marta", "Ilse", "Tobias", "Henrik", "Paula", "Quirin", "Vera", "Xaver", "Zoe"],
        ["relation"] = ["the brother", "the youngest daughter", "an uncle", "the neighbour", "every friend"],
        ["adjective"] = ["tall", "cheerful", "silent", "one-eyed", "restless", "generous", "sleepy", "half-frozen", "clever"],
        ["did"] =
        [
            "mended {thing}", "looked for {thing} in {place}", "carried {thing} up to {place}", "quarrelled with {name} about {thing}", "sold {thing} for {number} coins",
            "laughed", "waited by {place}", "sang about {thing}", "gave {thing} to {name}", "hid {thing} behind {thing}", "counted to {number} and jumped",
            "would not speak of {thing}", "dreamt of {place} again", "walked from {place} to {place}", "promised {name} {thing}",
        ],
        ["was"] =
        [
            "was {adjective} and {adjective}", "smelled of {smell}", "had never looked so small", "lay under snow", "belonged to {name} now",
            "could be heard as far as {place}", "was worth {number} coins, or fewer", "had vanished",
        ],
        ["smell"] = ["tar", "salt and smoke", "fresh bread", "wet rope", "apples"],
        ["thing"] =
        [
            "the blue lantern", "a box of nails", "the bell", "her father's map", "an oar", "the last barrel of herring", "a letter from {place}", "the key",
            "a kite", "the green coat", "his fiddle", "the {adjective} goat", "a loaf of rye", "that {adjective} cat", "the net",
        ],
        ["place"] = ["the lighthouse", "the old mill", "the far shore", "Saltgate", "the bakery", "the island", "the quay", "the chapel on the hill", "Widow's Lane", "the sea"],
        ["reason"] =
        [
            "the ice was thin", "{name} had seen a sail", "the bridge was out", "{thing} {was}", "there was no more oil", "the bells rang", "nobody trusted {name}",
            "a storm was near", "{who} {did}",
        ],
        ["speech"] = ["Bring me {thing}", "Have you seen {thing}", "There is nothing left in {place}", "{name} will come back", "Never go to {place} alone", "Wait for me"],
        ["number"] = ["three", "seven", "eleven", "twenty", "forty", "a hundred"],
    };

    /// <summary>Paragraphs of 3 to 7 sentences each, until there are at least <paramref name="length"/> characters.</summary>
    public static string Write(RandomKey key, int length)
    {
        var text = new StringBuilder();
        while (text.Length < length)
        {
            for (var left = 3 + Draw(5); left > 0; left--)
            {
                var start = text.Length;
                Expand("{sentence}");
                var first = text[start] == '"' ? start + 1 : start;
                text[first] = char.ToUpperInvariant(text[first]);
                text.Append(left > 1 ? ' ' : '\n');
            }
        }
        return text.ToString();

        void Expand(string phrase)
        {
            while (phrase.IndexOf('{', StringComparison.Ordinal) is >= 0 and var open)
            {
                var close = phrase.IndexOf('}', StringComparison.Ordinal);
                text.Append(phrase, 0, open);
                var options = rules[phrase[(open + 1)..close]];
                Expand(options[Draw(options.Length)]);
                phrase = phrase[(close + 1)..];
            }
            text.Append(phrase);
        }

        int Draw(int count)
        {
            (key, var used) = key.Split();
            return (int)((ulong)used.Word0 * (ulong)count >> 32);
        }
    }
}
