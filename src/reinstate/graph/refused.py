"""The ops that are refused for what they do. The table of rules is an allow-list: these would not run anyway.

A graph comes from a stranger; it computes, and nothing else. Why an op is refused is said to the person, though.
"""

from __future__ import annotations

_FILES = "reaches files"
_PYTHON = "runs Python code of the process that saved it"
_PRINTS = "prints"
_NETWORK = "reaches other processes"
_NATIVE = "runs compiled code of one machine"

_REASONS = {
    **dict.fromkeys(("PyFunc", "PyFuncStateless", "EagerPyFunc"), _PYTHON),
    **dict.fromkeys(("Print", "PrintV2"), _PRINTS),
    **dict.fromkeys(
        (
            *("ReadFile", "WriteFile", "MatchingFiles", "SaveV2", "Save", "SaveSlices", "RestoreV2", "Restore"),
            *("RestoreSlice", "MergeV2Checkpoints", "LoadAndRemapMatrix", "GenerateVocabRemapping", "ImmutableConst"),
            *("WholeFileReader", "WholeFileReaderV2", "TFRecordReader", "TFRecordReaderV2", "TextLineReader"),
            *("TextLineReaderV2", "FixedLengthRecordReader", "FixedLengthRecordReaderV2", "LMDBReader"),
            *("IdentityReader", "IdentityReaderV2", "TFRecordDataset", "TextLineDataset", "FixedLengthRecordDataset"),
            *(
                "SaveDataset",
                "LoadDataset",
                "SnapshotDataset",
                "SnapshotDatasetV2",
                "CacheDataset",
                "DatasetToTFRecord",
            ),
            *("CreateSummaryFileWriter", "CreateSummaryDbWriter", "WriteSummary", "WriteScalarSummary"),
            *("WriteHistogramSummary", "WriteImageSummary", "WriteAudioSummary", "WriteGraphSummary"),
            *("WriteRawProtoSummary", "ImportEvent", "DebugIdentityV2", "DebugIdentityV3"),
        ),
        _FILES,
    ),
    **dict.fromkeys(
        (
            *("RpcCall", "RpcClient", "RpcServer", "RpcServerStart", "RemoteCall", "RegisterDataset", "_Send", "_Recv"),
            *("Send", "Recv", "CollectiveReduce", "CollectiveGather", "BigQueryReader", "DataServiceDataset"),
        ),
        _NETWORK,
    ),
    **dict.fromkeys(("XlaCustomCall", "XlaCustomCallV2", "XlaLaunch", "TfLiteSubgraphExecute"), _NATIVE),
}


def reason(op: str) -> str | None:
    """Why an op is refused; None where it is not."""
    return _REASONS.get(op)
