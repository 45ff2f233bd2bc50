namespace ManagedFed.Tests;

/// <summary>Every number and time that a caller of the libraries can set, with its range.</summary>
/// <remarks>
/// A line is a type, then name and range of each setting: a property with a setter, or an argument of a constructor. <c>any</c> says
/// that all values mean something, or that the type only reports what happened. Times are in seconds.
/// </remarks>
internal static class KnobTable
{
    private const string Lines = """
        CpuDevice threads [1,256]
        TensorMemory cacheLimit [0,∞) limit [0,∞)
        FloatInfo bits any significantBits any max any epsilon any smallestNormal any
        IntegerInfo bits any
        RandomKey word0 any word1 any
        CompileStatistics traces any replays any nodes any kernels any
        AdaDelta learningRate [0,∞) rho [0,1) epsilon (0,∞)
        Adagrad learningRate [0,∞) epsilon (0,∞)
        Adam learningRate [0,∞) beta1 [0,1) beta2 [0,1) epsilon (0,∞)
        AdamW learningRate [0,∞) beta1 [0,1) beta2 [0,1) epsilon (0,∞) weightDecay [0,∞)
        Adamax learningRate [0,∞) beta1 [0,1) beta2 [0,1) epsilon (0,∞)
        Lion learningRate [0,∞) beta1 [0,1) beta2 [0,1) weightDecay [0,∞)
        Optimizer learningRate [0,∞)
        RmsProp learningRate [0,∞) alpha [0,1) epsilon (0,∞)
        Sgd learningRate [0,∞) momentum [0,∞) weightDecay [0,∞) dampening [0,1]
        AvgPool1d window [1,∞) stride [1,∞) padding [0,0]
        AvgPool2d window [1,∞) stride [1,∞) padding [0,0]
        MaxPool1d window [1,∞) stride [1,∞) padding [0,0]
        MaxPool2d window [1,∞) stride [1,∞) padding [0,0]
        BatchNorm channels [1,∞) epsilon (0,∞) momentum [0,1]
        LayerNorm size [1,∞) epsilon (0,∞)
        RmsNorm size [1,∞) epsilon (0,∞)
        GroupNorm groups [1,∞) channels [1,∞) epsilon (0,∞)
        Conv1d inputs [1,∞) outputs [1,∞) window [1,∞) stride [1,∞) padding [0,∞) dilation [1,∞) groups [1,∞)
        Conv2d inputs [1,∞) outputs [1,∞) window [1,∞) stride [1,∞) padding [0,∞) dilation [1,∞) groups [1,∞)
        Linear inputs [1,∞) outputs [1,∞)
        Embedding count [1,∞) size [1,∞)
        Rnn inputs [1,∞) hidden [1,∞)
        Gru inputs [1,∞) hidden [1,∞)
        Lstm inputs [1,∞) hidden [1,∞)
        MultiHeadAttention dims [1,∞) heads [1,∞) queryInputs [1,∞) keyInputs [1,∞) valueInputs [1,∞) valueDims [1,∞) outputs [1,∞)
        TransformerEncoder count [0,∞) dims [1,∞) heads [1,∞) mlpDims [1,∞) dropout [0,1)
        TransformerEncoderLayer dims [1,∞) heads [1,∞) mlpDims [1,∞) dropout [0,1)
        Dropout p [0,1)
        PRelu count [1,∞) initial (-∞,∞)
        LeakyRelu slope (-∞,∞)
        Elu alpha (-∞,∞)
        Celu alpha (0,∞)
        HardShrink lambda [0,∞)
        SoftShrink lambda [0,∞)
        HardTanh low (-∞,∞) high [-1,∞)
        Step threshold (-∞,∞)
        Flatten start any
        Glu axis any
        Softmax axis any
        Softmin axis any
        LogSoftmax axis any
        PaddedBatch count any
        Progress done any total any meanLoss any elapsed any
        ProgressMeter total [0,∞) interval [0,∞)
        CsvOptions maxBytes [1,∞) maxFieldLength [1,∞)
        NpzLimits maxEntries [1,∞) maxEntryBytes [1,∞) maxTotalBytes [1,∞) maxInflatedBytes [1,∞) maxRatio [1,∞)
        SafetensorsLimits maxHeaderBytes [1,∞) maxMetadataBytes [1,∞) maxTensors [1,∞)
        Strategy fractionFit [0,1] fractionEvaluate [0,1] minFitClients [1,∞) minEvaluateClients [1,∞) minAvailableClients [1,∞) minResults [1,∞) maxExamplesPerClient [1,∞) maxExamplesRatio [1,∞)
        Selection fraction [0,1] minClients [1,∞) minAvailable [1,∞) overSelection [1,∞) propertiesTimeout (0,4294967]
        AsyncStrategy maxConcurrency [1,∞) maxStaleness [0,∞) evaluateEvery [1,∞)
        FaultTolerantFedAvg minCompletionRateFit [0,1] minCompletionRateEvaluate [0,1]
        FedOpt serverLearningRate (0,∞)
        FedAvgM serverMomentum [0,1)
        FedAdagrad tau (0,∞)
        FedAdam beta1 [0,1) beta2 [0,1) tau (0,∞)
        FedYogi beta1 [0,1) beta2 [0,1) tau (0,∞)
        FedAsync alpha (0,1]
        FedBuff bufferSize [1,∞) serverLearningRate (0,∞)
        FedProx proximalMu [0,∞)
        FedTrimmedAvg beta [0,0.5)
        GeometricMedian smoothing (0,∞) iterations [1,∞)
        Krum numMaliciousClients [0,∞) numClientsToKeep [0,∞)
        Bulyan numMaliciousClients [0,∞)
        QFedAvg q [0,∞) learningRate (0,∞)
        Scaffold serverLearningRate (0,∞) totalClients [1,∞)
        NormLimit initialNorm (0,∞) quantile [0,1] learningRate [0,∞) factor (0,∞) increment [0,∞)
        ServerConfig numRounds [0,∞) roundTimeout (0,4294967] roundDeadline (0,4294967]
        CheckpointEvery rounds [1,∞) keep [1,∞)
        FederationOptions seed any waitingInterval (0,4294967] returnTimeout (0,4294967] maxConcurrency [1,∞)
        ConnectionOptions maxAttempts [1,∞) maxWait [0,∞) maxErrors [1,∞) keepAliveInterval [1,4294967]
        FederatedNodeOptions pollInterval [0,4294967] heartbeatInterval [10,1800] gracePeriod [0,4294967] maxMessageBytes [1,∞)
        ReplyLimits maxModelBytes [1,∞) modelFactor [1,∞) maxOpaqueBytes [1,∞) maxMetricsBytes [1,∞) maxMetrics [1,∞) maxBytesAtOnce [1,∞)
        FleetOptions maxReplyBytes [1,∞) maxNodes [1,∞) maxNodesPerAddress [1,∞) registrationTimeout (0,4294967]
        PeerLimits maxConnections [1,∞) maxConnectionsPerAddress [1,∞) maxStreamsPerConnection [1,∞) maxClients [1,∞) maxClientsPerAddress [1,∞)
        PeerLimits minBytesPerSecond [1,∞) idleConnectionTimeout (1,4294967] stallTimeout (1,4294967] maxCallTime (1,4294967]
        ModuleClientOptions batchSize [1,∞) localEpochs [1,∞)
        ContinuousPartitioner numPartitions [1,∞) strictness [0,1] seed any
        DirichletPartitioner numPartitions [1,∞) minPartitionSize [0,∞) seed any
        InnerDirichletPartitioner seed any
        DistributionPartitioner numPartitions [1,∞) numUniqueLabelsPerPartition [1,∞) preassignedNumSamplesPerLabel [0,∞) seed any
        PathologicalPartitioner numPartitions [1,∞) numClassesPerPartition [1,∞) seed any
        ShardPartitioner numPartitions [1,∞) numShardsPerPartition [1,∞) shardSize [1,∞) seed any
        GroupedNaturalIdPartitioner groupSize [1,∞)
        IidPartitioner numPartitions [1,∞)
        IdToSizeFncPartitioner numPartitions [1,∞)
        LinearPartitioner numPartitions [1,∞)
        SquarePartitioner numPartitions [1,∞)
        ExponentialPartitioner numPartitions [1,∞)
        VerticalEvenPartitioner numPartitions [1,∞)
        VerticalPartitioner seed any
        FederatedDataset seed any
        NumpyGenerator seed any
        CentralEvaluation loss any
        ClientEvaluation loss any numExamples any
        ClientMetrics numExamples any
        EvaluateOutput loss any numExamples any
        EvaluateResult loss any numExamples any
        FitOutput numExamples any
        FitReport numExamples any
        FitResult numExamples any
        ReconnectInstructions seconds any
        RecordRequest runId any
        RoundState round any
        RoundReport round any numExamples any lossDistributed any lossCentralized any updatesRefused any updatesClipped any elapsed any
        RunState round any
        FitEnd effectiveSteps any
        RoundValue round any
        """;

    /// <summary>The ranges by <c>type.setting</c>; null for any value.</summary>
    public static IReadOnlyDictionary<string, Range?> Ranges { get; } = Lines.Split('\n').SelectMany(line =>
    {
        var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return Enumerable.Range(0, (words.Length - 1) / 2).Select(i => KeyValuePair.Create($"{words[0]}.{words[2 * i + 1]}", Range.Parse(words[2 * i + 2])));
    }).ToDictionary();

    /// <summary>An interval, open at an end with a round bracket.</summary>
    internal sealed record Range(double Low, double High, bool LowOpen, bool HighOpen)
    {
        public static Range? Parse(string text)
        {
            if (text == "any") return null;
            var ends = text[1..^1].Split(',').Select(end => end switch
            {
                "∞" => double.PositiveInfinity,
                "-∞" => double.NegativeInfinity,
                _ => double.Parse(end, System.Globalization.CultureInfo.InvariantCulture),
            }).ToArray();
            return new(ends[0], ends[1], text[0] == '(', text[^1] == ')');
        }

        /// <summary>A number inside.</summary>
        public double Inside => double.IsFinite(Low) ? LowOpen ? double.IsFinite(High) ? (Low + High) / 2 : Low + 1 : Low : 0;

        /// <summary>Numbers outside, at each end the nearest of a type that has fractions or not.</summary>
        public IEnumerable<double> Outside(bool hasFractions)
        {
            if (double.IsFinite(Low))
            {
                yield return LowOpen ? Low : hasFractions ? Low - 0.5 : Low - 1;
                yield return Low - 1000;
            }
            if (double.IsFinite(High)) yield return HighOpen ? High : High + 1;
        }

        /// <summary>The finite ends as a message would state them.</summary>
        public IEnumerable<string> Ends => new[] { Low, High }.Where(double.IsFinite).Select(end => end.ToString(System.Globalization.CultureInfo.InvariantCulture));
    }
}
