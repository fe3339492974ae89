"""Loads the compiled C core, and mirrors its structures."""

from __future__ import annotations

import ctypes
import functools
import importlib.util
from pathlib import Path

from harness.errors import EngineError
from harness.machine.core_build import LIBRARY_NAME, source_digest

DOMAIN_MAX = 16
"""Domains that one machine can tell apart."""

FACTORY_MAX = 16
"""Ranges of factory bytes that one machine can have."""

FACTORY_BYTES_MAX = 32
"""Bytes that one of them can have."""

RETAINED_WORDS = 24
"""Room for a chip's registers that outlive a reset, in words."""

_UNICORN_LIBRARIES = ("libunicorn.so.2", "libunicorn.2.dylib")


class DomainRange(ctypes.Structure):
    """`struct domain`."""

    _fields_ = (("address", ctypes.c_uint32), ("size_bytes", ctypes.c_uint32), ("settles_after_ps", ctypes.c_uint64))


class FactoryRange(ctypes.Structure):
    """`struct factory_range`."""

    _fields_ = (("address", ctypes.c_uint32), ("size_bytes", ctypes.c_uint32), ("content", ctypes.c_uint8 * FACTORY_BYTES_MAX))


class Config(ctypes.Structure):
    """`struct machine_config`."""

    _fields_ = (
        ("memo", ctypes.c_void_p),
        ("converge", ctypes.c_void_p),
        ("program_ps", ctypes.c_uint64),
        ("page_erase_ps", ctypes.c_uint64),
        ("mass_erase_ps", ctypes.c_uint64),
        ("flash_address", ctypes.c_uint32),
        ("flash_alias_address", ctypes.c_uint32),
        ("flash_bytes", ctypes.c_uint32),
        ("page_bytes", ctypes.c_uint32),
        ("protection_pages", ctypes.c_uint32),
        ("ram_address", ctypes.c_uint32),
        ("ram_bytes", ctypes.c_uint32),
        ("option_address", ctypes.c_uint32),
        ("option_size_bytes", ctypes.c_uint32),
        ("system_address", ctypes.c_uint32),
        ("system_bytes", ctypes.c_uint32),
        ("writes_per_unit", ctypes.c_uint32),
        ("fpec_address", ctypes.c_uint32),
        ("nvmc_address", ctypes.c_uint32),
        ("rcc_address", ctypes.c_uint32),
        ("usart1_address", ctypes.c_uint32),
        ("iwdg_address", ctypes.c_uint32),
        ("hsi_hz", ctypes.c_uint32),
        ("hse_hz", ctypes.c_uint32),
        ("lsi_hz", ctypes.c_uint32),
        ("core", ctypes.c_uint32),
        ("flash_wait_states", ctypes.c_uint32),
        ("watched_address", ctypes.c_uint32),
        ("chip", ctypes.c_uint32),
        ("records_reads", ctypes.c_uint32),
        ("halts", ctypes.c_uint32),
        ("domain_count", ctypes.c_uint32),
        ("domains", DomainRange * DOMAIN_MAX),
        ("factory_count", ctypes.c_uint32),
        ("factory", FactoryRange * FACTORY_MAX),
    )


class RetainedState(ctypes.Structure):
    """`struct retained`."""

    _fields_ = (("restarts", ctypes.c_uint32), ("keeps_ram", ctypes.c_uint32), ("words", ctypes.c_uint32 * RETAINED_WORDS))


class CellHistory(ctypes.Structure):
    """`struct cell_history`."""

    _fields_ = (("address", ctypes.c_uint32), ("value", ctypes.c_uint32))


class PeerReply(ctypes.Structure):
    """`struct peer_reply`."""

    _fields_ = (("bytes", ctypes.c_char_p), ("count", ctypes.c_uint64), ("timeout_ps", ctypes.c_uint64))


PEER_ASK = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.POINTER(ctypes.c_uint8), ctypes.c_uint64, ctypes.POINTER(PeerReply))
"""`peer_ask`."""

NO_PEER = PEER_ASK()
"""Nobody is at the other end of the UART."""


class Request(ctypes.Structure):
    """`struct boot_request`."""

    _fields_ = (
        ("flash", ctypes.c_char_p),
        ("option_bytes", ctypes.c_char_p),
        ("uart_input", ctypes.c_char_p),
        ("ram", ctypes.c_char_p),
        ("retained", ctypes.POINTER(RetainedState)),
        ("writes", ctypes.POINTER(CellHistory)),
        ("partial_erases", ctypes.POINTER(CellHistory)),
        ("writes_count", ctypes.c_uint64),
        ("partial_erases_count", ctypes.c_uint64),
        ("uart_input_bytes", ctypes.c_uint64),
        ("peer", PEER_ASK),
        ("peer_timeout_ps", ctypes.c_uint64),
        ("seed", ctypes.c_uint64),
        ("stop_before", ctypes.c_uint64),
        ("instruction_budget", ctypes.c_uint64),
    )


class RawOperation(ctypes.Structure):
    """`struct operation`; `operation_log.py` decodes the same layout."""

    _fields_ = (
        ("start_ps", ctypes.c_uint64),
        ("duration_ps", ctypes.c_uint64),
        ("instructions", ctypes.c_uint64),
        ("address", ctypes.c_uint32),
        ("pc", ctypes.c_uint32),
        ("arena_offset", ctypes.c_uint32),
        ("size_bytes", ctypes.c_uint32),
        ("old", ctypes.c_uint32),
        ("new_", ctypes.c_uint32),
        ("kind", ctypes.c_uint8),
        ("reserved", ctypes.c_uint8 * 7),
    )


class MemoCounts(ctypes.Structure):
    """`struct memo_counts`."""

    _fields_ = (
        ("calls_shared", ctypes.c_uint64),
        ("instructions_shared", ctypes.c_uint64),
        ("records", ctypes.c_uint64),
        ("functions", ctypes.c_uint64),
        ("bytes", ctypes.c_uint64),
        ("generations", ctypes.c_uint64),
    )


class ConvergeCounts(ctypes.Structure):
    """`struct converge_counts`."""

    _fields_ = (
        ("boots", ctypes.c_uint64),
        ("instructions", ctypes.c_uint64),
        ("looks", ctypes.c_uint64),
        ("states", ctypes.c_uint64),
        ("kept", ctypes.c_uint64),
        ("bytes", ctypes.c_uint64),
    )


class WatchTotal(ctypes.Structure):
    """`struct watch_total`."""

    _fields_ = (
        ("calls", ctypes.c_uint64),
        ("time_ps", ctypes.c_uint64),
        ("time_low_ps", ctypes.c_uint64),
        ("time_high_ps", ctypes.c_uint64),
    )


class Result(ctypes.Structure):
    """`struct boot_result`."""

    _fields_ = (
        ("flash", ctypes.c_void_p),
        ("option_bytes", ctypes.c_void_p),
        ("operations", ctypes.c_void_p),
        ("arena", ctypes.c_void_p),
        ("entries", ctypes.c_void_p),
        ("misuses", ctypes.c_void_p),
        ("erases", ctypes.c_void_p),
        ("page_uses", ctypes.c_void_p),
        ("erased_by", ctypes.c_void_p),
        ("reach", ctypes.c_void_p),
        ("uart", ctypes.c_void_p),
        ("unmodelled", ctypes.c_void_p),
        ("writes", ctypes.c_void_p),
        ("partial_erases", ctypes.c_void_p),
        ("detail", ctypes.c_char_p),
        ("operation_count", ctypes.c_uint64),
        ("arena_bytes", ctypes.c_uint64),
        ("entry_count", ctypes.c_uint64),
        ("misuse_count", ctypes.c_uint64),
        ("uart_bytes", ctypes.c_uint64),
        ("unmodelled_count", ctypes.c_uint64),
        ("writes_count", ctypes.c_uint64),
        ("partial_erases_count", ctypes.c_uint64),
        ("instructions", ctypes.c_uint64),
        ("time_ps", ctypes.c_uint64),
        ("time_low_ps", ctypes.c_uint64),
        ("time_high_ps", ctypes.c_uint64),
        ("cycles_low", ctypes.c_uint64),
        ("cycles_high", ctypes.c_uint64),
        ("watchdog_longest_ps", ctypes.c_uint64),
        ("watchdog_period_ps", ctypes.c_uint64),
        ("watched", WatchTotal),
        ("pending", RawOperation),
        ("retained", RetainedState),
        ("end", ctypes.c_uint32),
        ("pc", ctypes.c_uint32),
        ("domain", ctypes.c_int32),
        ("stack_bytes", ctypes.c_uint32),
    )


def unicorn_library() -> Path:
    """Return Unicorn's own shared library, found without importing its Python binding.

    Raises:
        EngineError: Unicorn is not installed.
    """
    spec = importlib.util.find_spec("unicorn")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for name in _UNICORN_LIBRARIES:
            library = Path(folder) / "lib" / name
            if library.is_file():
                return library
    raise EngineError("the embedded engine needs Unicorn, which is not installed. Run `pip install unicorn`.")


def core_path() -> Path:
    """Return where the compiled core must be: beside this file."""
    return Path(__file__).resolve().parent / LIBRARY_NAME


@functools.cache
def load_core() -> ctypes.CDLL:
    """Load the compiled core and check that it was compiled from the sources beside it.

    Raises:
        EngineError: it was not compiled, does not load, or is older than its sources.
    """
    path = core_path()
    remedy = "Compile it: `python -m harness.machine.core_build`, or install the package again."
    if not path.is_file():
        raise EngineError(f"the compiled core of the embedded engine is missing ({path.name}). {remedy}")
    try:
        # The core takes Unicorn's functions from the library that is loaded before it.
        ctypes.CDLL(str(unicorn_library()), mode=ctypes.RTLD_GLOBAL)
        core = ctypes.CDLL(str(path))
    except OSError as error:
        raise EngineError(f"the compiled core of the embedded engine does not load: {error}. {remedy}") from None
    core.machine_source_digest.restype = ctypes.c_char_p
    core.machine_source_digest.argtypes = ()
    sources = source_digest()
    if sources is not None and core.machine_source_digest().decode() != sources:
        raise EngineError(f"the compiled core of the embedded engine is older than its sources. {remedy}")
    core.machine_create.restype = ctypes.c_void_p
    core.machine_create.argtypes = (ctypes.POINTER(Config),)
    core.machine_destroy.restype = None
    core.machine_destroy.argtypes = (ctypes.c_void_p,)
    core.machine_boot.restype = ctypes.c_int32
    core.machine_boot.argtypes = (ctypes.c_void_p, ctypes.POINTER(Request), ctypes.POINTER(Result))
    _declare_halts(core)
    core.machine_keep_call_stacks.restype = None
    core.machine_keep_call_stacks.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint32)
    core.machine_ram.restype = ctypes.c_void_p
    core.machine_ram.argtypes = (ctypes.c_void_p,)
    core.machine_error_text.restype = ctypes.c_char_p
    core.machine_error_text.argtypes = (ctypes.c_void_p,)
    core.converge_store_create.restype = ctypes.c_void_p
    core.converge_store_create.argtypes = ()
    core.converge_store_destroy.restype = None
    core.converge_store_destroy.argtypes = (ctypes.c_void_p,)
    core.converge_store_counts.restype = None
    core.converge_store_counts.argtypes = (ctypes.c_void_p, ctypes.POINTER(ConvergeCounts))
    core.memo_store_create.restype = ctypes.c_void_p
    core.memo_store_create.argtypes = (ctypes.c_uint64,)
    core.memo_store_destroy.restype = None
    core.memo_store_destroy.argtypes = (ctypes.c_void_p,)
    core.memo_store_counts.restype = None
    core.memo_store_counts.argtypes = (ctypes.c_void_p, ctypes.POINTER(MemoCounts))
    return core


def _declare_halts(core: ctypes.CDLL) -> None:
    """Declare what `core/halt.h` offers to a debugger."""
    words, octets = ctypes.POINTER(ctypes.c_uint32), ctypes.c_char_p
    result = ctypes.POINTER(Result)
    for name, returned, arguments in (
        ("machine_power_up", ctypes.c_int32, (ctypes.c_void_p, ctypes.POINTER(Request), ctypes.c_uint64, ctypes.c_uint32, result)),
        ("machine_go", ctypes.c_int32, (ctypes.c_void_p, ctypes.c_uint64, result)),
        ("machine_set_breakpoints", ctypes.c_bool, (ctypes.c_void_p, words, ctypes.c_uint32)),
        ("machine_set_watches", ctypes.c_bool, (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint32)),
        ("machine_watched", ctypes.c_uint32, (ctypes.c_void_p,)),
        ("machine_read_registers", None, (ctypes.c_void_p, words)),
        ("machine_write_register", None, (ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint32)),
        ("machine_read_memory", ctypes.c_bool, (ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint32, octets)),
        ("machine_write_memory", ctypes.c_bool, (ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint32, octets)),
    ):
        function = getattr(core, name)
        function.restype = returned
        function.argtypes = arguments
