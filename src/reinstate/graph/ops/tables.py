# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False, disallow-untyped-calls=False
# ruff: noqa: D103
"""Lookup tables: made when a model starts, asked and changed on the host."""

from __future__ import annotations

from typing import Any

import numpy as np

from reinstate.graph.rules import Static, op, static
from reinstate.graph.strings import encoded
from reinstate.graph.tables import LookupTable, fill_from_lines, table

_NAMES = "container use_node_name_sharing"
_SIZES = "initial_num_buckets max_load_factor"


def _made(context: Any, name: str, make: Any) -> LookupTable:
    """The table of this name in a graph; in a function, which makes one, a new one."""
    return table(context.resource(name, make))


@op("HashTableV2", "HashTable", ignore=_NAMES)
def hash_table(*, shared_name, key_dtype, value_dtype, context):
    return _made(context, shared_name, lambda: LookupTable(key_dtype, value_dtype, fixed=True))


@op("MutableHashTableV2", "MutableHashTable", ignore=_NAMES)
def mutable_hash_table(*, shared_name, key_dtype, value_dtype, context):
    return _made(context, shared_name, lambda: LookupTable(key_dtype, value_dtype, fixed=False))


@op("AnonymousHashTable")
def anonymous_hash_table(*, key_dtype, value_dtype):
    return LookupTable(key_dtype, value_dtype, fixed=True)


@op("AnonymousMutableHashTable")
def anonymous_mutable_hash_table(*, key_dtype, value_dtype):
    return LookupTable(key_dtype, value_dtype, fixed=False)


@op("MutableHashTableOfTensorsV2", "MutableHashTableOfTensors", ignore=_NAMES)
def mutable_hash_table_of_tensors(*, shared_name, key_dtype, value_dtype, value_shape, context):
    return _made(context, shared_name, lambda: LookupTable(key_dtype, value_dtype, False, value_shape or ()))


@op("AnonymousMutableHashTableOfTensors")
def anonymous_mutable_hash_table_of_tensors(*, key_dtype, value_dtype, value_shape):
    return LookupTable(key_dtype, value_dtype, False, value_shape or ())


def _dense(empty: Any, deleted: Any, key: Any, value: Any, shape: Any) -> LookupTable:
    empty, deleted = static(empty, "the key of empty places"), static(deleted, "the key of deleted places")
    reserved = tuple(tuple(k.tolist()) if k.ndim else k.item() for k in (empty, deleted))
    return LookupTable(key, value, False, shape or (), empty.shape, reserved)


@op("MutableDenseHashTableV2", "MutableDenseHashTable", ignore=f"{_NAMES} {_SIZES}")
def mutable_dense_hash_table(empty_key, deleted_key, *, shared_name, key_dtype, value_dtype, value_shape, context):
    return _made(context, shared_name, lambda: _dense(empty_key, deleted_key, key_dtype, value_dtype, value_shape))


@op("AnonymousMutableDenseHashTable", ignore=_SIZES)
def anonymous_mutable_dense_hash_table(empty_key: Static, deleted_key: Static, *, key_dtype, value_dtype, value_shape):
    return _dense(empty_key, deleted_key, key_dtype, value_dtype, value_shape)


@op("LookupTableFindV2", "LookupTableFind", raw=True)
def lookup_table_find(table_handle, keys: Static, default_value: Static):
    return table(table_handle).find(keys, default_value)


@op("LookupTableSizeV2", "LookupTableSize", raw=True)
def lookup_table_size(table_handle):
    return np.array(len(table(table_handle)), np.int64)


@op("LookupTableExportV2", "LookupTableExport", raw=True)
def lookup_table_export(table_handle):
    return table(table_handle).export()


@op("LookupTableInsertV2", "LookupTableInsert", stateful=True, raw=True)
def lookup_table_insert(table_handle, keys: Static, values: Static):
    table(table_handle).insert(keys, values)


@op("LookupTableImportV2", "LookupTableImport", stateful=True, raw=True)
def lookup_table_import(table_handle, keys: Static, values: Static):
    table(table_handle).replace(keys, values)


@op("LookupTableRemoveV2", stateful=True, raw=True)
def lookup_table_remove(table_handle, keys: Static):
    table(table_handle).remove(keys)


@op("InitializeTableV2", "InitializeTable", stateful=True, raw=True)
def initialize_table(table_handle, keys: Static, values: Static):
    found = table(table_handle)
    if not len(found):  # filled once, whoever asks
        found.insert(keys, values)


@op("InitializeTableFromTextFileV2", "InitializeTableFromTextFile", stateful=True)
def initialize_table_from_text_file(
    table_handle, filename, *, key_index, value_index, vocab_size, delimiter, offset, context
):
    found = table(table_handle)
    if not len(found):
        lines = context.lines(static(filename, "the name of a file").item())
        fill_from_lines(found, lines, (key_index, value_index), encoded(delimiter), offset, vocab_size)
